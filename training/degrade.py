"""What cameras, editors and sites do to every picture: colour, blur, noise, resizing, codecs.

Each function is pure in (image, rng). A pair gets the same draw by passing generators of the same seed. Images are
(H, W, 3) float32 RGB, 0 to 255, until a codec rounds them.
"""

import cv2
import numpy as np

from training.h264 import frame_of_video, has_h264

SHRINK = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)
GROW = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def colour(image: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Brightness, contrast, gamma, saturation and a tint; `strength` 1 is a visible, believable change."""
    out = image
    if rng.random() < 0.7:
        gain, lift = 1 + strength * rng.uniform(-0.12, 0.12), strength * rng.uniform(-14, 14)
        out = (out - 128) * gain + 128 + lift
    if rng.random() < 0.5:
        out = out + strength * rng.uniform(-12, 12, 3).astype(np.float32)
    if rng.random() < 0.5:
        grey = out @ np.array([0.299, 0.587, 0.114], np.float32)
        out = grey[..., None] + (out - grey[..., None]) * (1 + strength * rng.uniform(-0.25, 0.25))
    if rng.random() < 0.3:
        out = 255 * (np.clip(out, 0, 255) / 255) ** np.float32(1 + strength * rng.uniform(-0.25, 0.3))
    return np.clip(out, 0, 255).astype(np.float32)


def detail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another past than its surroundings': smaller and back, sharpened, blurred, denoised, grainy, or compressed."""
    kind = rng.random()
    if kind < 0.4:
        return down_up(image, rng.uniform(0.3, 0.85), rng)
    if kind < 0.6:
        return crisp(image, rng)
    if kind < 0.72:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if kind < 0.82:
        return smooth(image, rng)
    return noise(image, rng) if kind < 0.91 else codec(image, rng, 40)


def down_up(image: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Smaller by `scale` and back, with filters drawn at random."""
    height, width = image.shape[:2]
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    shrunk = cv2.resize(image, small, interpolation=int(rng.choice(SHRINK[:3])))
    return np.clip(cv2.resize(shrunk, (width, height), interpolation=int(rng.choice(GROW))), 0, 255)


def sharpen(image: np.ndarray, amount: float, radius: float = 1.5) -> np.ndarray:
    return np.clip(image + amount * (image - cv2.GaussianBlur(image, (0, 0), radius)), 0, 255)


def codec(image: np.ndarray, rng: np.random.Generator, lowest: int = 50) -> np.ndarray:
    """One lossy generation: JPEG, or WebP, whose predicted and deblocked blocks look like a video key frame's."""
    pixels = cv2.cvtColor(np.clip(np.round(image), 0, 255).astype(np.uint8), cv2.COLOR_RGB2BGR)  # blue keeps least
    if rng.random() < 0.5:
        sampling = int(rng.choice([cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]))
        how = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(lowest, 98)), cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        data = cv2.imencode(".jpg", pixels, how)[1]
    else:
        data = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, int(rng.integers(lowest - 20, 92))])[1]
    return cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.float32)


def sent_through_the_world(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The whole way of a picture through the world: light and camera, an editor, a site. Returns (H, W, 3) uint8."""
    out = camera(image, rng)
    if rng.random() < 0.12:
        out = label(out, rng)
    if rng.random() < 0.55:
        out = codec(out, rng, 30 if rng.random() < 0.2 else 50)
    is_frame = rng.random() < 0.35
    if is_frame and not has_h264():
        out, is_frame = codec(out, rng, 30), False
    pixels = np.clip(np.round(out), 0, 255).astype(np.uint8)
    return frame_of_video(pixels, rng) if is_frame else pixels


def camera(image: np.ndarray, rng: np.random.Generator, moment: int = 0) -> np.ndarray:
    """As one of many cameras and apps would have it: its light, then for three in four some treatments in any order.

    Kinds count here, more than how strong they are: what no training saw (a motion blur, a denoiser) is taken for a trace
    of manipulation. moment: of a clip; its frames have the same treatments and each a noise of its own.
    """
    out = light(np.clip(image, 0, 255).astype(np.float32), rng, moment)
    if rng.random() < 0.25:
        return out
    for number in rng.permutation(len(TREATMENTS)):
        share, treatment = TREATMENTS[number]
        if rng.random() < share:
            out = noise(out, rng, moment) if treatment is noise else treatment(out, rng)
    return out


def light(image: np.ndarray, rng: np.random.Generator, moment: int = 0) -> np.ndarray:
    """Colour, sometimes strongly; grey; lit from one side; too dark, with the noise of few photons, and lifted again."""
    out = colour(image, rng, rng.uniform(0.5, 2.5)) if rng.random() < 0.6 else image
    if rng.random() < 0.08:
        out = np.repeat(out.mean(2, keepdims=True), 3, 2)
    if rng.random() < 0.1:
        slope = np.linspace(-1, 1, out.shape[1], dtype=np.float32) * np.float32(rng.uniform(-0.5, 0.5))
        out = np.clip(out * (1 + slope)[None, :, None], 0, 255)
    if rng.random() < 0.1:
        dark = out * np.float32(rng.uniform(0.25, 0.7))
        dark = dark + of_each_pixel(rng, moment).normal(0, rng.uniform(0.1, 0.6), dark.shape) * np.sqrt(dark)
        out = np.clip(dark * rng.uniform(1, 1.6), 0, 255)
    return out.astype(np.float32)


def blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Out of focus, or moved while the shutter was open; as wide as suits the picture's size."""
    if rng.random() < 0.5:
        return cv2.GaussianBlur(image, (0, 0), 0.001 * 6 ** rng.random() * image.shape[0])
    length = 0.008 * 5 ** rng.random() * image.shape[0]
    side = int(np.ceil(length)) // 2 * 2 + 1
    line = np.zeros((side, side), np.float32)
    line[side // 2] = np.clip(length / 2 + 0.5 - np.abs(np.arange(side) - side // 2), 0, 1)
    turn = cv2.getRotationMatrix2D((side // 2, side // 2), rng.uniform(0, 180), 1)
    line = cv2.warpAffine(line, turn, (side, side))
    return cv2.filter2D(image, -1, line / line.sum(), borderType=cv2.BORDER_REFLECT)


def of_each_pixel(rng: np.random.Generator, moment: int) -> np.random.Generator:
    """A generator of its own for what is drawn for each pixel: pictures of any size take as much from `rng`."""
    return np.random.default_rng([int(rng.integers(2**63)), moment])


def noise(image: np.ndarray, rng: np.random.Generator, moment: int = 0) -> np.ndarray:
    """A sensor's noise, half of the time coarse, as demosaicing and resizing leave it."""
    grain = of_each_pixel(rng, moment).normal(0, rng.uniform(1, 6), image.shape).astype(np.float32)
    if rng.random() < 0.5:
        grain = 2 * cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.4, 1.2))
    return np.clip(image + grain, 0, 255)


def smooth(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A denoiser or a beauty filter."""
    if rng.random() < 0.3:
        return cv2.medianBlur(np.round(image).astype(np.uint8), int(rng.choice([3, 3, 5]))).astype(np.float32)
    return cv2.bilateralFilter(image, 5, float(rng.uniform(10, 60)), float(rng.uniform(2, 5)))


def crisp(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sharpening of a camera, with its halos."""
    return sharpen(image, rng.uniform(0.2, 1.5), rng.uniform(0.7, 3))


def smaller(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return down_up(image, rng.uniform(0.35, 0.95), rng)


TREATMENTS = ((0.25, blur), (0.25, noise), (0.25, smooth), (0.3, crisp), (0.35, smaller))


def label(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A caption or a sticker, as sites and people put them."""
    out = np.clip(np.round(image), 0, 255).astype(np.uint8)
    height, width = out.shape[:2]
    ink = tuple(int(v) for v in rng.integers(0, 256, 3))
    if rng.random() < 0.5:
        at = (int(rng.integers(0, width // 2)), int(rng.integers(10, height)))
        words = "".join(chr(c) for c in rng.integers(65, 91, 8))
        cv2.putText(out, words, at, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.4, 1.0), ink, 2)
    else:
        corner = rng.integers(0, [width, height])
        cv2.rectangle(out, corner.tolist(), (corner + rng.integers(10, max(11, width // 3), 2)).tolist(), ink, -1)
    return out.astype(np.float32)


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of the luma."""
    return float(cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var())


def match_sharpness(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blur the sharper of two images until both are alike, so that softness is no label."""
    if sharpness(one) < sharpness(other):
        other, one = match_sharpness(other, one)
        return one, other
    goal, low, high = sharpness(other), 0.0, 3.0
    if sharpness(one) < 1.05 * goal:
        return one, other
    for _ in range(6):
        sigma = (low + high) / 2
        if sharpness(cv2.GaussianBlur(one, (0, 0), sigma)) > goal:
            low = sigma
        else:
            high = sigma
    return cv2.GaussianBlur(one, (0, 0), high), other
