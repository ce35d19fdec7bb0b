"""Mail over SMTP: one code path, in the demo too."""

from __future__ import annotations

from email.message import EmailMessage

import aiosmtplib

from balie.settings import Settings

TIMEOUT_S = 15


class NotAccepted(Exception):
    """The provider did not take a message. `is_final`: trying again makes no sense. Holds no address."""

    def __init__(self, code: str, is_final: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.is_final = is_final


class MailServer:
    """The mail server of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def is_set(self) -> bool:
        """Whether there is one."""
        return bool(self._settings.smtp_host)

    async def send(self, message: EmailMessage) -> None:
        """Hand a message over; raises NotAccepted."""
        settings = self._settings
        try:
            await aiosmtplib.send(
                message,
                hostname=settings.smtp_host,
                port=settings.smtp_port,
                start_tls=settings.smtp_starttls,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPResponseException as error:
            # The text of the answer may repeat the address: only its number goes on.
            raise NotAccepted(f"smtp_{error.code}", is_final=500 <= error.code < 600) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            is_final = all(500 <= refused.code < 600 for refused in error.recipients)
            raise NotAccepted("recipient_refused", is_final) from None
        except (aiosmtplib.SMTPException, OSError):
            raise NotAccepted("no_answer") from None
