"""/_sandbox/…: how tests look into the sandbox and make it misbehave. Not part of the CRM's contract."""

import json
from dataclasses import asdict
from typing import Any

from ticketadmin.sandbox.faults import Fault
from ticketadmin.sandbox.server import Request, Response, Server, as_json


def attach(server: Server) -> None:
    """Let the server answer control requests."""
    server.control = Control(server)


class Control:
    """The control API of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self, request: Request) -> Response:
        """Answer one control request."""
        name, _slash, rest = request.path.removeprefix("/_sandbox/").partition("/")
        action = getattr(self, f"_{request.method.lower()}_{name}", None)
        if action is None:
            return _json(404, {"message": "no such control"})
        try:
            return _json(200, action(rest, request))
        except (KeyError, TypeError, ValueError) as error:
            return _json(400, {"message": f"{type(error).__name__}: {error}"})

    def _get_log(self, _rest: str, request: Request) -> Any:
        after = int(request.query.get("after", 0))
        return [as_json(entry) for entry in self._server.log if entry.id > after]

    def _delete_log(self, _rest: str, _request: Request) -> Any:
        self._server.log.clear()
        self._server.most_active = 0
        return {}

    def _get_switches(self, _rest: str, _request: Request) -> Any:
        return asdict(self._server.crm.switches)

    def _put_switches(self, _rest: str, request: Request) -> Any:
        self._server.crm.set_switches(request.json())
        return asdict(self._server.crm.switches)

    def _get_faults(self, _rest: str, _request: Request) -> Any:
        return [rule.as_json() for rule in self._server.faults.rules]

    def _post_faults(self, _rest: str, request: Request) -> Any:
        self._server.faults.add(Fault(**request.json()))
        return {}

    def _delete_faults(self, _rest: str, _request: Request) -> Any:
        self._server.faults.reset()
        return {}

    def _get_tickets(self, code: str, _request: Request) -> Any:
        tickets = self._server.crm.tickets
        return tickets[code] if code else list(tickets)

    def _patch_tickets(self, code: str, request: Request) -> Any:
        self._server.crm.edit(code, request.json())
        return self._server.crm.tickets[code]

    def _put_tickets(self, code: str, request: Request) -> Any:
        self._server.crm.store(code, request.json())
        return self._server.crm.tickets[code]

    def _delete_tickets(self, code: str, _request: Request) -> Any:
        self._server.crm.remove(code)
        return {}

    def _post_reset(self, _rest: str, _request: Request) -> Any:
        self._server.crm.reset()
        self._server.resets += 1
        self._server.faults.reset()
        return self._delete_log("", _request)

    def _get_stats(self, _rest: str, _request: Request) -> Any:
        return {"connections": self._server.connections, "most_active": self._server.most_active}


def _json(status: int, content: Any) -> Response:
    return Response(status, json.dumps(content, ensure_ascii=False).encode())
