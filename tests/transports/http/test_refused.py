"""The audited resource of a refusal."""

import pytest

from actors.audit_entry import Resource
from transports.http.app import ROUTES
from transports.http.framework.refused import resource_of
from transports.http.framework.route import Access

pytestmark = pytest.mark.unit


def test_every_route_that_needs_an_admin_is_about_something() -> None:
    """A new route without a resource has to be added to ``refused``."""
    admins = [route for route in ROUTES if route.access in (Access.ADMIN, Access.ADMIN_OR_BACKUP_KEY)]
    assert admins
    assert [route.path for route in admins if resource_of(route) is Resource.ROUTE] == []
