"""/_sandbox/…: how tests look into the sandbox and make it misbehave. Not part of the CRM's contract."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ticketadmin.sandbox.faults import Fault
from ticketadmin.sandbox.server import ReceivedRequest, Response, Server

ControlAction = Callable[[Server, str, ReceivedRequest], Any]


def answer(server: Server, request: ReceivedRequest) -> Response:
    """Answer one control request."""
    name, _slash, rest = request.path.removeprefix("/_sandbox/").partition("/")
    action = ACTIONS.get((request.method, name))
    if action is None:
        return Response.of((404, {"message": "no such control"}))
    try:
        return Response.of((200, action(server, rest, request)))
    except (KeyError, TypeError, ValueError) as error:
        return Response.of((400, {"message": f"{type(error).__name__}: {error}"}))


def _log(server: Server, _rest: str, request: ReceivedRequest) -> Any:
    after = int(request.query.get("after", 0))
    return [asdict(entry) for entry in server.log if entry.id > after]


def _forget_log(server: Server, _rest: str, _request: ReceivedRequest) -> Any:
    server.log.clear()
    server.most_active = 0
    return {}


def _set_switches(server: Server, _rest: str, request: ReceivedRequest) -> Any:
    server.crm.set_switches(request.json())
    return asdict(server.crm.switches)


def _add_fault(server: Server, _rest: str, request: ReceivedRequest) -> Any:
    server.faults.add(Fault(**request.json()))
    return {}


def _tickets(server: Server, code: str, _request: ReceivedRequest) -> Any:
    return server.crm.tickets[code] if code else list(server.crm.tickets)


def _edit(server: Server, code: str, request: ReceivedRequest) -> Any:
    change = server.crm.edit if request.method == "PATCH" else server.crm.store
    change(code, request.json())
    return server.crm.tickets[code]


def _reset(server: Server, rest: str, request: ReceivedRequest) -> Any:
    server.crm.reset()
    server.resets += 1
    server.faults.reset()
    return _forget_log(server, rest, request)


ACTIONS: dict[tuple[str, str], ControlAction] = {
    ("GET", "log"): _log,
    ("DELETE", "log"): _forget_log,
    ("GET", "switches"): lambda server, _rest, _request: asdict(server.crm.switches),
    ("PUT", "switches"): _set_switches,
    ("GET", "faults"): lambda server, _rest, _request: [asdict(rule) for rule in server.faults.rules],
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): lambda server, _rest, _request: server.faults.reset(),
    ("GET", "tickets"): _tickets,
    ("PATCH", "tickets"): _edit,
    ("PUT", "tickets"): _edit,
    ("DELETE", "tickets"): lambda server, code, _request: server.crm.remove(code),
    ("POST", "reset"): _reset,
    ("GET", "stats"): lambda server, _rest, _request: {
        "connections": server.connections,
        "most_active": server.most_active,
    },
}
