"""Security headers, content policy and camera permission, on every answer (security-and-reliability.md section 3)."""

from __future__ import annotations

from aiohttp import web

from balie.settings import Settings
from balie.web.keys import NEW_PRE_SESSION, PRE_SESSION, ROUTE, SETTINGS

_DEVICES = ("camera", "microphone", "display-capture", "screen-wake-lock", "fullscreen")


def content_security_policy(settings: Settings) -> str:
    """The policy of pages: nothing inline, nothing from elsewhere, scripts from /static/ alone."""
    origin = settings.public_origin
    socket = origin.replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {origin}/static/",
            f"style-src {origin}/static/",
            "img-src 'self' blob:",
            "media-src 'self' blob:",
            f"font-src {origin}/static/",
            f"connect-src 'self' {socket}",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def permissions_policy(uses_camera: bool) -> str:
    """Devices for pages of a call, none for all others."""
    allowed = "(self)" if uses_camera else "()"
    return ", ".join(f"{device}={allowed}" for device in _DEVICES)


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Called for every answer that is about to leave, also errors and refused upgrades."""
    settings = request.app[SETTINGS]
    headers = response.headers
    route = request.get(ROUTE)
    headers.setdefault("Content-Security-Policy", content_security_policy(settings))
    headers.setdefault("Permissions-Policy", permissions_policy(bool(route and route.uses_camera)))
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Frame-Options"] = "DENY"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if not settings.demo:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    headers.popall("Server", None)
    if request.get(NEW_PRE_SESSION) and response.content_type == "text/html":
        # aiohttp has turned its own cookies into headers by now, so this one is written as a header.
        secure = "; Secure" if settings.is_https else ""
        value = f"{cookie_name(settings, 'balie-formulier')}={request[PRE_SESSION]}"
        headers.add("Set-Cookie", f"{value}; HttpOnly; Path=/; SameSite=Lax{secure}")


def cookie_name(settings: Settings, name: str) -> str:
    """The cookie's name with the prefix that ties it to this host, which browsers allow over TLS only."""
    return f"__Host-{name}" if settings.is_https else name
