"""Renders a page in this visitor's view (normal, simplified) and language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from balie.settings import Settings
from balie.web import assets, csrf, translations
from balie.web.headers import cookie_name
from balie.web.keys import CSRF_SCOPE, SETTINGS
from balie.web.sentences import FIELD_SENTENCES, sentence
from balie.web.translations import LANGUAGES, Days

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
_SMALL = 1024  # below this, packing an answer gains nothing


class View(StrEnum):
    """The two views of the same pages."""

    NORMAL = "normal"
    SIMPLIFIED = "simplified"


@dataclass(frozen=True)
class Look:
    """How one visitor sees pages; scheme and direction are chosen on the tester's page only."""

    view: View = View.NORMAL
    language: str = translations.DEFAULT
    scheme: str | None = None
    direction: str | None = None


class Pages:
    """One template environment per language, so that macros too speak the visitor's language."""

    def __init__(
        self, settings: Settings, files: assets.Assets, url: Callable[..., str], folder: Path = TEMPLATES
    ) -> None:
        self._folder = folder
        self._environments = {code: _environment(code, settings, files, url, folder) for code in LANGUAGES}

    def html(self, template: str, look: Look, **values: Any) -> str:
        """The page `template` (without ending) in this look; its simplified partner where there is one."""
        name = f"{template}.html"
        simplified = f"{template}.simplified.html"
        if look.view is View.SIMPLIFIED and (self._folder / simplified).exists():
            name = simplified
        direction = look.direction or LANGUAGES[look.language].direction
        return (
            self._environments[look.language]
            .get_template(name)
            .render(view=look.view.value, scheme=look.scheme, direction=direction, **values)
        )

    def text(self, template: str, language: str, page: Any) -> str:
        """A template with its ending that is no page of a visitor: a mail, a text message."""
        return (
            self._environments[translations.known(language) or translations.DEFAULT]
            .get_template(template)
            .render(page=page)
        )


KEY = web.AppKey("pages", Pages)
LOOK = web.RequestKey("look", Look)


def install(app: web.Application) -> None:
    """Read static files and templates once, for the settings of this application."""

    def address(name: str, /, **match: object) -> str:
        return str(app.router[name].url_for(**{part: str(value) for part, value in match.items()}))

    settings = app[SETTINGS]
    app[assets.KEY] = assets.Assets(theme=settings.theme_css, release=settings.release)
    app[KEY] = Pages(settings, app[assets.KEY], address)


def look_of(request: web.Request) -> Look:
    """What the appointment's needs say (`follow_needs`), else the cookies, else the normal view in Dutch."""
    return request.get(LOOK) or _chosen(request)


def follow_needs(request: web.Request, *, simplified: bool, language: str, cookies_first: bool = False) -> None:
    """Show this visitor the view and language of the appointment's needs.

    On the link page, before there is a session that could keep a choice, a choice made in this
    browser goes first: `cookies_first`.
    """
    view = View.SIMPLIFIED if simplified else View.NORMAL
    look = Look(view, translations.known(language) or translations.DEFAULT)
    if cookies_first:
        view_cookie, language_cookie = cookies_of(request)
        look = replace(look, view=view_cookie or look.view, language=language_cookie or look.language)
    request[LOOK] = look


def cookies_of(request: web.Request) -> tuple[View | None, str | None]:
    """View and language chosen in this browser, where they were."""
    settings = request.app[SETTINGS]
    view = request.cookies.get(cookie_name(settings, "weergave"))
    language = request.cookies.get(cookie_name(settings, "taal"))
    return View(view) if view in list(View) else None, translations.known(language)


def render(request: web.Request, template: str, page: Any, status: int = 200, look: Look | None = None) -> web.Response:
    """The page as an answer, for this visitor."""
    look = look or look_of(request)

    values: dict[str, str] = {}

    def csrf_field(form: str) -> Markup:
        # A problem page may come before anybody knows the browser: its forms then go without. Forms of one
        # name on one page share a value, because what is random does not compress.
        if form not in values:
            values[form] = csrf.value_for(request, form) if CSRF_SCOPE in request else ""
        value = values[form]
        return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, value)

    body = request.app[KEY].html(
        template, look, page=page, csrf=csrf_field, here=_here(request), request_path=request.path
    )
    response = web.Response(text=body, content_type="text/html", status=status)
    response.headers["Content-Language"] = look.language
    if len(body) > _SMALL:
        response.enable_compression()
    return response


def _chosen(request: web.Request) -> Look:
    view, language = cookies_of(request)
    return Look(view or View.NORMAL, language or translations.DEFAULT)


def _here(request: web.Request) -> str:
    """The address that shows this page again; of an address that only takes forms, the start."""
    resource = request.match_info.route.resource
    can_get = resource is None or any(
        route.method == "GET" and route.resource is not None and route.resource.canonical == resource.canonical
        for route in request.app.router.routes()
    )
    return request.path_qs if request.method == "GET" else request.path if can_get else "/"


def _environment(
    code: str, settings: Settings, files: assets.Assets, url: Callable[..., str], folder: Path
) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=lambda name: name is None or name.endswith(".html"),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=settings.demo,
    )
    catalogue = translations.catalogue(code)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    days = Days(LANGUAGES[code], ZoneInfo(settings.time_zone))
    for write in (days.date_long, days.date_short, days.date_full, days.time_short, days.time_bare, days.datetime_long):
        environment.filters[write.__name__] = write

    def field_sentence(error: str) -> str:
        return catalogue.gettext(FIELD_SENTENCES.get(error, error))

    environment.globals.update(
        asset=files.address,
        preload=files.preload,
        url=url,
        lang=code,
        languages=[(each.code, each.own_name, each.name) for each in LANGUAGES.values()],
        language_name=LANGUAGES[code].own_name,
        municipality=settings.municipality,
        phone=settings.phone_number,
        phone_uri="tel:" + "".join(c for c in settings.phone_number if c in "+0123456789"),
        theme_class=settings.theme_class,
        theme_css=files.address("theme.css") if settings.theme_css else None,
        is_demo=settings.demo,
        field_sentence=field_sentence,
        problem_sentence=sentence,
    )
    return environment
