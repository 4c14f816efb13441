"""The pictures and pages that a check was asked to make."""
