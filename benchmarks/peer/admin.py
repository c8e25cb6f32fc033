"""The peer's edit page."""

from django.contrib import admin

from benchmarks.peer.models import PeerTicket

admin.site.register(PeerTicket)
