"""Text messages and mail through NotifyNL, whose API has the shape of GOV.UK Notify."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from joserfc import jwt
from joserfc.jwk import OctKey

from balie.external.http import Answer, Http, NoAnswer
from balie.external.mail import NotAccepted
from balie.settings import Settings


class NotifyNL:
    """The NotifyNL service of the settings; `reference` is our id of a message, by which it is found again."""

    def __init__(self, settings: Settings, http: Http) -> None:
        self._settings = settings
        self._http = http
        self._address = settings.notify_url.rstrip("/") + "/v2/notifications"

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return bool(self._settings.notify_url)

    async def send_sms(self, now: datetime, number: str, text: str, reference: str) -> None:
        """Hand a text message over; raises NotAccepted."""
        await self._send(now, "sms", {"phone_number": number}, {"text": text}, reference)

    async def send_email(self, now: datetime, address: str, personalisation: Mapping[str, str], reference: str) -> None:
        """Hand a mail over; raises NotAccepted."""
        await self._send(now, "email", {"email_address": address}, personalisation, reference)

    async def has(self, now: datetime, reference: str) -> bool:
        """Whether the provider took this message before: asked before it is sent again."""
        try:
            answer = await self._http.get(f"{self._address}?reference={quote(reference)}", headers=self._headers(now))
        except NoAnswer:
            raise NotAccepted("no_answer") from None
        if answer.status != 200:
            return False
        try:
            return bool(answer.json().get("notifications"))
        except (ValueError, AttributeError):
            return False

    async def _send(
        self, now: datetime, kind: str, to: Mapping[str, str], personalisation: Mapping[str, str], reference: str
    ) -> None:
        body = {
            **to,
            "template_id": self._settings.notify_template_id,
            "personalisation": dict(personalisation),
            "reference": reference,
        }
        try:
            answer = await self._http.post(f"{self._address}/{kind}", body=body, headers=self._headers(now))
        except NoAnswer:
            raise NotAccepted("no_answer") from None
        _check(answer)

    def _headers(self, now: datetime) -> dict[str, str]:
        claims = {"iss": self._settings.notify_service_id, "iat": int(now.timestamp())}
        key = OctKey.import_key(self._settings.notify_secret.get_secret_value())
        return {"Authorization": "Bearer " + jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, key)}


def _check(answer: Answer) -> None:
    if answer.status in (200, 201):
        return
    may_try_again = answer.status in (403, 408, 429) or answer.status >= 500
    raise NotAccepted(f"notify_{answer.status}", is_final=not may_try_again)
