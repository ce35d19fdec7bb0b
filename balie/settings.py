"""Every setting: name, type, default, meaning; read once from the environment (prefix `BALIE_`), then frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one installation; every field is the environment variable `BALIE_` + its name."""

    model_config = SettingsConfigDict(env_prefix="BALIE_", frozen=True, extra="ignore")

    demo: bool = Field(False, description="Demo mode: test identity provider, receivers, tester's page")
    host: str = Field("127.0.0.1", description="Address the server listens on")
    port: int = Field(8080, description="Port the server listens on")
    origin: str = Field(
        "", description="Public origin, as https://balie.example.nl; empty in the demo: made of host and port"
    )
    database_url: str = Field("", description="SQLAlchemy address; empty: SQLite in data_dir")
    data_dir: Path = Field(Path("var"), description="Folder of the SQLite database and the documents")
    keys_dir: Path = Field(Path("var/keys"), description="Folder of the key files; in production outside data_dir")
    trusted_proxies: str = Field("", description="Addresses of our own proxies, separated by commas")
    tls_certificate: Path | None = Field(None, description="Certificate chain when the server speaks TLS itself")
    tls_key: Path | None = Field(None, description="Private key to tls_certificate")
    trusted_ca: Path | None = Field(None, description="Extra certificate authority trusted by our own requests")
    release: str = Field(
        "", description="Name of this release, in the address of static files; empty: from their content"
    )

    municipality: str = Field("Gemeente Voorbeeld", description="Name of the municipality on every page")
    phone_number: str = Field("14 010", description="Telephone number on every page")
    theme_class: str = Field("balie-theme", description="Class of the theme on <html>")
    theme_css: Path | None = Field(None, description="A municipality's own theme.css")
    accessibility_statement: str = Field(
        "", description="Address of our statement in the register of toegankelijkheidsverklaring.nl"
    )
    security_contact: str = Field(
        "mailto:security@gemeente.example", description="Whom to tell of a hole, as an address with its scheme"
    )
    contact_mail: str = Field(
        "toegankelijkheid@gemeente.example", description="Where people report what they cannot use"
    )
    time_zone: str = Field("Europe/Amsterdam", description="Zone of opening hours and of times on screen")
    staff_display: Literal["full_name", "first_name", "counter_name"] = Field(
        "first_name", description="How citizens read a staff member's name"
    )
    channel_name: str = Field("Videobellen", description="Name of our channel in the contact history")

    hold_minutes: int = Field(10, description="Minutes a chosen time is kept while the citizen types")
    longest_hold_minutes: int = Field(20, description="Minutes a time is kept at most, with the extension")
    max_open_per_contact: int = Field(3, description="Open appointments of one mobile number or mail address")
    holds_per_network: int = Field(10, description="Open holds of one network")
    bookings_per_network: int = Field(30, description="Bookings of one network in an hour")
    links_per_network: int = Field(120, description="Links opened from one network in a minute")
    links_per_link: int = Field(30, description="Times one link is opened in a minute")
    unknown_links_per_network: int = Field(20, description="Unknown links from one network in ten minutes")
    sign_ins_per_session: int = Field(5, description="Sign-ins started by one session in a minute")
    sign_ins_per_network: int = Field(60, description="Sign-ins started from one network in a minute")
    sockets_per_session: int = Field(3, description="Live connections of one session")
    sockets_per_network: int = Field(200, description="Live connections of one network")
    sockets: int = Field(5000, description="Live connections of this process")

    citizen_issuer: str = Field("", description="Issuer of the DigiD broker; empty in the demo: the built-in provider")
    citizen_client_id: str = Field("balie", description="Our client id at the DigiD broker")
    citizen_client_key: Path | None = Field(None, description="Private key (JWK) for private_key_jwt at the broker")
    citizen_client_secret: SecretStr | None = Field(
        None, description="Client secret, for a broker without private_key_jwt"
    )
    citizen_level_map: dict[str, str] = Field(
        default_factory=lambda: {
            "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract": "low",
            "http://eidas.europa.eu/LoA/low": "low",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard": "substantial",
            "http://eidas.europa.eu/LoA/substantial": "substantial",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI": "high",
            "http://eidas.europa.eu/LoA/high": "high",
        },
        description="From the broker's acr to low, substantial or high",
    )
    staff_issuer: str = Field(
        "", description="Issuer of the staff's provider; empty in the demo: the built-in provider"
    )
    staff_client_id: str = Field("balie-medewerker", description="Our client id at the staff's provider")
    staff_client_key: Path | None = Field(
        None, description="Private key (JWK) for private_key_jwt at the staff's provider"
    )
    staff_client_secret: SecretStr | None = Field(None, description="Client secret at the staff's provider")
    staff_role_claim: str = Field("roles", description="Claim with the roles of a staff member")
    staff_role_map: dict[str, str] = Field(
        default_factory=lambda: {r: r for r in ("staff", "team_lead", "admin", "privacy_officer")},
        description="From the provider's role to staff, team_lead, admin or privacy_officer",
    )
    staff_desk_claim: str = Field("desks", description="Claim with the desks of a staff member, by name")

    smtp_host: str = Field("", description="Mail server; empty: no mail")
    smtp_port: int = Field(25, description="Port of the mail server")
    smtp_starttls: bool = Field(False, description="Whether mail goes over STARTTLS")
    mail_from: str = Field("balie@gemeente.example", description="Sender of mail")
    notify_url: str = Field("", description="Address of NotifyNL's API; empty: no text messages")
    notify_service_id: str = Field("", description="Our service id at NotifyNL")
    notify_secret: SecretStr = Field(SecretStr(""), description="Our API secret at NotifyNL")
    notify_template_id: str = Field("", description="Template of a text message at NotifyNL, with one field `text`")

    turn_urls: str = Field("", description="TURN servers, separated by commas")
    turn_secrets: str = Field("", description="Shared secrets of TURN, the first signs")
    turn_ttl: int = Field(600, description="Seconds that TURN credentials live in a call")
    relay_only: bool = Field(False, description="Whether media always pass TURN")
    check_peers: int = Field(8, description="Connection checks at once")

    clamd: str = Field("", description="ClamAV, as host:port or a socket's path; empty: no virus scan")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _demo_or_safe(self) -> Settings:
        faults = list(self.faults())
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def faults(self) -> list[str]:
        """What forbids a start with these settings, a sentence each, naming the setting."""
        parts = urlsplit(self.public_origin)
        faults = []
        if parts.scheme not in ("http", "https") or not parts.netloc:
            faults.append("BALIE_ORIGIN must be an origin such as https://balie.example.nl")
        is_loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme == "http" and not (self.demo and is_loopback):
            faults.append("BALIE_ORIGIN may be http only in the demo and on a loopback address")
        if not self.demo:
            if not self.citizen_issuer or not self.staff_issuer:
                faults.append("BALIE_CITIZEN_ISSUER and BALIE_STAFF_ISSUER are required outside the demo")
            if self.keys_dir.resolve().is_relative_to(self.data_dir.resolve()):
                faults.append("BALIE_KEYS_DIR must not lie under BALIE_DATA_DIR outside the demo")
            if self.turn_urls and len(self.turn_secrets) < 16:
                faults.append("BALIE_TURN_SECRETS is shorter than 128 bits")
        return faults

    @property
    def public_origin(self) -> str:
        """The origin under which browsers reach us."""
        if self.origin:
            return self.origin.rstrip("/")
        scheme = "https" if self.tls_certificate else "http"
        host = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::1") else self.host
        return f"{scheme}://{host}:{self.port}"

    @property
    def is_https(self) -> bool:
        """Whether browsers reach us over TLS."""
        return self.public_origin.startswith("https://")

    @property
    def database(self) -> str:
        """The SQLAlchemy address of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'balie.sqlite3'}"

    def __repr__(self) -> str:
        return "Settings(…)"
