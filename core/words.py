"""How numbers, times and names read, in an answer and wherever one is shown."""


def percent(probability: float | None) -> str:
    """A probability in words short enough for a label; never 0% or 100%, which nobody can know."""
    if probability is None:
        return ""
    return f"{min(99, max(1, round(100 * probability)))}%"


def percent_range(interval: tuple[float, float] | None) -> str:
    """The 90 % interval, as "71% to 94%"; one without width as "99% or more", "1% or less" or "about 50%"."""
    if interval is None:
        return ""
    low, high = map(percent, interval)
    ends = {percent(0): f"{low} or less", percent(1): f"{low} or more"}
    return f"{low} to {high}" if low != high else ends.get(low, f"about {low}")


def count(number: int, noun: str) -> str:
    """As "1 face" or "4 faces"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock(t_s: float, tenths: bool = False) -> str:
    """Seconds as 0:07, 1:02:03, or 0:07.3 with tenths."""
    tenth = round(t_s * 10)
    whole = tenth // 10
    text = (
        f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
        if whole >= 3600
        else f"{whole // 60}:{whole % 60:02d}"
    )
    return f"{text}.{tenth % 10}" if tenths else text


def printable(text: str) -> str:
    """Text that may come from outside, a file's name for one, without what would steer a terminal or not encode."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
