"""Does this video show signs that a face was manipulated?

The road of a frame: video -> faces -> tracks -> crops -> model -> calibration -> Analysis; `core.detector` walks it.
Importing this package is cheap: torch and mediapipe load when a Detector does.
"""

__version__ = "0.1.0"
