"""A link in, a file out: `sites` (which links we know), `guard` (what may leave this machine), `download` (yt-dlp)."""
