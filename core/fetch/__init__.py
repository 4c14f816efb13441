"""A link in, a file out: `sites` (which links we know), `guard` (what may leave this machine), `egress`
(the way to an operator's proxy), `download` (yt-dlp), `remote` (the pieces of a long file as they are read)."""
