"""What history plugs in: the draft of the record form, the API for other channels, tables with their periods."""

from __future__ import annotations

from balie.history import api, service, staff_views
from balie.history.api_shapes import ROOT
from balie.history.screens import SCREENS
from balie.web import openapi
from balie.web.access import Access
from balie.web.features import Feature, Route, TableRule

_BODY = 64 * 1024
_WITH_RECORD = "with its contact_record"

ROUTES = [
    Route(
        "POST",
        "/medewerker/bezoek/{visit_id}/concept",
        staff_views.save_draft,
        "history.save_draft",
        Access.STAFF,
        max_body=_BODY,
    ),
    Route("GET", f"{ROOT}/klantcontacten", api.list_contacts, "history.list_contacts", Access.API, csrf="none"),
    Route("GET", f"{ROOT}/klantcontacten/{{uuid}}", api.get_contact, "history.get_contact", Access.API, csrf="none"),
    Route(
        "POST",
        f"{ROOT}/maak-klantcontact",
        api.make_contact,
        "history.make_contact",
        Access.API,
        csrf="none",
        max_body=_BODY,
    ),
    Route("GET", f"{ROOT}/openapi.json", openapi.part(ROOT), "history.openapi", Access.PUBLIC),
]

TABLES = [
    TableRule("contact_record", "the period of its product, 5 years unless set", service.destroy_records),
    TableRule("contact_leg", _WITH_RECORD),
    TableRule("contact_party", _WITH_RECORD),
    TableRule("contact_actor", _WITH_RECORD),
    TableRule("contact_subject", _WITH_RECORD),
    TableRule("contact_attachment", _WITH_RECORD),
    TableRule("contact_revision", _WITH_RECORD),
    TableRule("follow_up", _WITH_RECORD + ", which waits for it"),
    TableRule("contact_draft", "24 hours, or until the visit is finished", service.destroy_drafts),
    TableRule("api_client", "3 years after its end, because the logs name it", service.destroy_api_clients),
    TableRule("contact_number", "no person in it: one counter, kept"),
]


def feature() -> Feature:
    """The feature history."""
    return Feature(name="history", routes=ROUTES, tables=TABLES, screens=SCREENS)
