"""Imports every store, so that the metadata holds all tables."""

import balie.booking.store
import balie.calls.store
import balie.desk.store
import balie.documents.store
import balie.history.store
import balie.identity.store
import balie.jobs
import balie.privacy.store  # noqa: F401
