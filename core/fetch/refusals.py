"""What a site's refusal means, told from yt-dlp's errors."""

import re

# yt-dlp has no class for most refusals, only sentences; the first that matches decides.
PHRASES: tuple[tuple[str, str], ...] = (
    (r"No space left|quota exceeded|File too large", "disk_full"),
    (
        r"confirm you.{1,3}re not a (?:ro)?bot|captcha|unusual traffic|TLS fingerprint"
        r"|\bIP (?:address )?is (?:likely being blocked|blocked|unable)|(?:blocked|rejected) by server",
        "bot_check",
    ),
    (r"confirm your age|age.restricted|inappropriate for some users|age verification", "age_restricted"),
    (r"\bDRM\b", "drm"),
    (r"recording is not available", "removed"),
    (r"live event will begin|premieres in|is live|is not currently live|live stream", "live"),
    (r"not (?:made this video )?available (?:in|from) your (?:country|location|region)|geo.?restrict", "geo_blocked"),
    (r"HTTP Error (?:5\d\d|408)|bytes read", "network"),  # the latter: it broke off
    (r"HTTP Error 429|rate.?limit|too many requests", "site_busy"),
    (r"HTTP Error 451", "geo_blocked"),
    # which it asks for only where a playlist is under a protection that it does not know itself
    (r"ffmpeg could not be found", "drm"),
    (
        r"HTTP Error 401|private|log ?in|sign ?in|logged.in|cookies|authentication|password|registered users"
        r"|members.only|supporter.only|followers|payment|purchase",
        "login_required",
    ),
    (r"HTTP Error (?:403|412|418)", "bot_check"),
    # previews were found and no stream, as where YouTube's player is a new one
    (r"Requested format is not available", "site_changed"),
    (
        r"HTTP Error 404|HTTP Error 410|removed|deleted|unavailable|not available|does not exist|not found|no longer",
        "removed",
    ),
    (r"no video|there is no media|no media found|no playable video|is not a video|any data blocks", "no_video"),
    (r"Unsupported URL|No suitable extractor", "no_video"),
    (r"timed out|connection|network|proxy|resolve|SSL|TLS|incomplete read", "network"),
)


def reason(error: Exception) -> str:
    """The code for one of yt-dlp's errors."""
    from yt_dlp.networking import exceptions as networking
    from yt_dlp.utils import GeoRestrictedError, UnsupportedError, UserNotLive

    cause = (getattr(error, "exc_info", None) or (None, None))[1] or error
    cause = getattr(cause, "cause", None) or cause
    for kind, code in ((GeoRestrictedError, "geo_blocked"), (UserNotLive, "live"), (UnsupportedError, "no_video")):
        if isinstance(cause, kind):
            return code
    text = re.sub(r"^ERROR: \[[\w:+-]+\] .*?: ", "", str(error))  # without the name of the video: that may say anything
    for phrase, code in PHRASES:
        if re.search(phrase, text, re.IGNORECASE):
            return code
    return "network" if isinstance(cause, networking.TransportError) else "site_changed"
