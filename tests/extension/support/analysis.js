// Answers as core/analysis.py writes them.

function face(id, verdict, probability, interval) {
    const timeline = Array.from({ length: 16 }, (_, i) => ({ t_s: i * 0.75, probability: Math.min(0.99, Math.max(0.01, probability + 0.09 * Math.sin(i * 1.3))), box: [10, 10, 90, 90] }));
    return {
        id, verdict, probability, interval, first_seen_s: 0, last_seen_s: 11.25, size_px: 180, frames: 16, timeline,
        key_frames: [{ t_s: 3.75, frame_index: 94, box: [10, 10, 90, 90], probability }],
        reason: verdict === 'likely_manipulated' ? 'The skin around the mouth changes from frame to frame.' : 'Nothing stands out in 16 frames.',
    };
}

/** @param {string | null} verdict @param {number | null} probability */
export function analysis(verdict = 'likely_manipulated', probability = 0.87) {
    const interval = probability === null ? null : [Math.max(0, probability - 0.13), Math.min(1, probability + 0.08)];
    const faces = probability === null ? [] : [face(1, verdict, probability, interval), face(2, 'no_signs_found', 0.06, [0.02, 0.14])];
    return {
        verdict, probability, interval, face_id: probability === null ? null : 1,
        reason: probability === null ? 'No face was large enough to judge.' : 'Face 1 decides: the skin around the mouth changes from frame to frame.',
        faces,
        media: { duration_s: 12, width: 640, height: 360, fps: 25, codec: 'h264', container: 'mov,mp4', has_audio: true, is_still: false },
        coverage: {
            plan: 'default', windows: 4, frames_examined: 64, frames_with_face: 60, seconds_examined: 8, seconds_total: 12, faces_found: 3,
            faces_judged: 2, faces_too_small: 1, faces_too_short: 0, audio: 'not_examined',
        },
        warnings: [{ code: 'face_too_small', message: 'One face is too small to judge.' }],
        provenance: { state: 'none', signer: null, claim_generator: null, ai_generated: null, summary: 'The file carries no Content Credentials.' },
        model: { name: 'residual-lstm', version: '0.1.0', sha256: '4f1d'.repeat(16), trained: true, device: 'cpu', precision: 'fp32' },
        seconds: { decode: 0.4, faces: 0.6, model: 1.1 },
        schema_version: '1',
    };
}

/** A check's last answer. @param {string} verdict @param {number} probability */
export const done = (verdict, probability) => ({ status: 'done', progress: 1, analysis: analysis(verdict, probability) });
