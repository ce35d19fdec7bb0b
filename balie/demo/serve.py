"""`balie demo`: the same server as a city's, with stand-ins for the outside world that speak the real protocols."""

from __future__ import annotations

import os
from typing import Any

import segno
from aiohttp import web
from pydantic import SecretStr

from balie.demo.local_ca import LocalTls, local_tls, own_address
from balie.demo.receivers import Receivers
from balie.settings import Settings

PAGES = (
    ("Een afspraak maken als inwoner", "/afspraak/maken"),
    ("De balie als medewerker", "/medewerker"),
    ("Beheer van producten en tijden", "/beheer/producten"),
    ("Mail en sms die verstuurd zijn", "/proef/postvak"),
    ("Alle schermen, voor testers", "/tester"),
)


def demo_settings(receivers: Receivers, use_https: bool) -> tuple[Settings, LocalTls | None]:
    """Settings of the demo: what the environment says, and the receivers where it says nothing."""
    given: dict[str, Any] = {
        "demo": True,
        "smtp_host": "127.0.0.1",
        "smtp_port": receivers.smtp_port,
        "notify_url": f"http://127.0.0.1:{receivers.notify_port}",
        "notify_service_id": receivers.service_id,
        "notify_secret": SecretStr(receivers.secret),
        "notify_template_id": "proef",
    }
    tls = None
    if use_https:
        base = Settings(demo=True)
        tls = local_tls(base.data_dir / "tls", own_address())
        given |= {
            "host": "0.0.0.0",
            "origin": f"https://{tls.address}:{base.port}",
            "tls_certificate": tls.certificate,
            "tls_key": tls.key,
            "trusted_ca": tls.authority,
        }
    # What stands in the environment wins over the receivers, not over the demo itself.
    kept = {n: v for n, v in given.items() if n == "demo" or f"BALIE_{n.upper()}" not in os.environ}
    return Settings(**kept), tls


def welcome(settings: Settings, tls: LocalTls | None) -> str:
    """The addresses to open; with TLS a QR code for the phone as well."""
    origin = settings.public_origin
    lines = ["", "De digitale balie staat klaar.", ""]
    lines += [f"  {words + ':':<34}{origin}{path}" for words, path in PAGES]
    if tls is not None:
        lines += ["", f"  {'Certificaat voor uw telefoon:':<34}{origin}/proef/certificaat"]
    lines += ["", "Stoppen: Ctrl+C", ""]
    return "\n".join(lines)


def show_welcome(_app: web.Application, settings: Settings, tls: LocalTls | None) -> None:
    """Print it, once the server listens."""
    print(welcome(settings, tls), flush=True)
    if tls is not None:
        segno.make(settings.public_origin + "/afspraak/maken", error="l").terminal(compact=True)
