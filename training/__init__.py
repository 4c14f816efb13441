"""Real faces -> pseudo-fakes -> weights -> figures. Imports core, never the other way round."""

import cv2

# a pair must not depend on how many threads OpenCV found; processes make pairs in parallel instead
cv2.setNumThreads(1)
