"""The directory is the diagram: imports point one way, and each external library is imported in one place."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "ticketadmin"
# From top to bottom. A module may import from its own layer and from those below.
LAYERS = [
    {"urls", "wsgi", "__main__"},
    {
        "views",
        "admin",
        "admin_site",
        "tasks",
        "templatetags",
        "installation",
        "management",
        "middleware",
        "apps",
        "checks",
        "signing_in",
        "storage",
    },
    {"presenters"},
    {"forms"},
    {"services"},
    {
        "ticketapi",
        "models",
        "sanitizing",
        "markup",
        "text",
        "workbooks",
        "logs",
        "request_ids",
        "metrics",
        "private_sqlite",
        "converters",
        "formats",
    },
]
APART = ("ticketapi", "models", "sanitizing")  # the lowest three never import each other
DOORS = {
    "requests": {"ticketapi/calls.py"},
    "urllib3": {"ticketapi/calls.py", "ticketapi/transport.py"},
    "bleach": {"sanitizing.py"},
    "nh3": {"sanitizing.py"},
    "environ": {"installation/environment.py"},
    "prometheus_client": {"metrics.py", "services/operations/readiness.py", "views/health.py"},
    "crispy_forms": {"forms/layout.py"},
    "ldap": {"signing_in/directory.py"},
    "django_otp": {"services/people/second_step.py"},
    "segno": {"presenters/account.py"},
    "jwt": {"signing_in/openid.py"},
    "mozilla_django_oidc": {"signing_in/openid.py", "views/account/openid.py"},
}
LONGEST_MODULE = 450
# Downloads that hold nothing of a ticket or a user; each other one is recorded.
UNRECORDED = {
    ("views/bulk/choosing.py", "bulk_template"): "names of fields, to be filled in",
    ("views/downloads.py", "csv_download"): "each of its callers records, as this test finds",
    ("views/downloads.py", "given_back"): "the same",
}
LONGEST_FUNCTION = 50
MAX_PARAMETERS = 6
MAX_NESTING = 3
FILLED_LATER = re.compile(
    r"(\w+\.)?(list|dict|set|deque|defaultdict|OrderedDict|Counter|local|WeakSet)\((maxlen=.*)?\)"
)
# Names that a framework or Python looks for in each module of a kind, so several modules define them.
CONVENTIONS = {
    "Command": "Django runs the class of this name in a module of management/commands",
    "logger": "each module's own, as the logging documentation has it",
    "main": "what an entry point of pyproject.toml or `python -m` calls",
    "register": "Django reads a tag library's tags from it",
}
FORMATS = "formats/"  # Django reads the same names from each language's module
NESTS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match, ast.AsyncFor, ast.AsyncWith)


@cache
def modules() -> list[tuple[str, ast.Module]]:
    names = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    return [
        (name, ast.parse(path.read_text(encoding="utf-8")))
        for name, path in names.items()
        if not name.startswith("migrations/")
    ]


@cache
def imports(tree: ast.Module) -> list[str]:
    return list(_imports(tree))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(name: str) -> str:
    return name.removesuffix(".py").partition("/")[0]


def layer(part: str) -> int | None:
    return next((number for number, parts in enumerate(LAYERS) if part in parts), None)


def own_imports(tree: ast.Module) -> set[str]:
    names = {name.split(".")[1] for name in imports(tree) if name.startswith("ticketadmin.")}
    return {name for name in names if name != "__version__"}


def test_every_package_is_in_a_layer() -> None:
    parts = {part_of(name) for name, _tree in modules()} - {"__init__", "settings", "sandbox"}

    assert {part for part in parts if layer(part) is None} == set()


def test_imports_only_point_down() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, tree in modules()
        for imported in own_imports(tree)
        if (here := layer(part_of(name))) is not None
        and (there := layer(imported)) is not None
        and there < here
    ]

    assert wrong == []


def test_the_lowest_layers_do_not_import_each_other() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, tree in modules()
        for imported in own_imports(tree)
        if part_of(name) in APART and imported in APART and imported != part_of(name)
    ]

    assert wrong == []


@pytest.mark.parametrize("part", ["ticketapi", "sandbox", "workbooks"])
def test_these_packages_do_not_import_django(part: str) -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, tree in modules()
        for imported in imports(tree)
        if part_of(name) == part and imported.partition(".")[0] == "django"
    ]

    assert wrong == []


def test_the_sandbox_is_imported_nowhere_and_shares_no_code() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, tree in modules()
        for imported in own_imports(tree)
        if (imported == "sandbox") != (part_of(name) == "sandbox")
        and (imported == "sandbox" or part_of(name) == "sandbox")
    ]

    assert wrong == []


@pytest.mark.parametrize("outside", DOORS)
def test_each_external_library_is_imported_in_one_place(outside: str) -> None:
    users = {
        name
        for name, tree in modules()
        for imported in imports(tree)
        if imported.partition(".")[0] == outside
    }

    assert users == DOORS[outside]


def test_modules_and_functions_stay_short() -> None:
    long = []
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                long += [f"{name} {node.name}: {length} lines"] if length > LONGEST_FUNCTION else []
        lines = len((PACKAGE / name).read_text(encoding="utf-8").splitlines())
        long += [f"{name}: {lines} lines"] if lines > LONGEST_MODULE else []

    assert long == []


def test_functions_have_at_most_six_parameters() -> None:
    many = []
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                declared = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                number = sum(one.arg not in {"self", "cls"} for one in declared)
                many += [f"{name} {node.name}: {number}"] if number > MAX_PARAMETERS else []

    assert many == []


def nesting(node: ast.AST, outer: int = 0) -> int:
    """Return how many statements with a body are within one another; `elif` is on the level of its `if`."""
    depths = [outer]
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
            depths.append(nesting(child, outer + (isinstance(child, NESTS) and not is_elif)))
    return max(depths)


def test_statements_are_nested_at_most_three_deep() -> None:
    deep = [
        f"{name} {node.name}: {depth}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (depth := nesting(node)) > MAX_NESTING
    ]

    assert deep == []


def held_state(tree: ast.Module) -> list[str]:
    """Return the global state of a module, and what it changes in other modules.

    That is a name that a function rebinds, a container or thread-local that is filled later, a name written
    by way of `vars()` or `globals()`, and an attribute set on what was imported.
    """
    found = [
        f"global {name}" for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names
    ]
    for node in tree.body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        is_empty_display = isinstance(value, ast.List | ast.Dict) and not ast.unparse(value).strip("[]{}")
        if is_empty_display or (value is not None and FILLED_LATER.fullmatch(ast.unparse(value))):
            found.append(ast.unparse(node))
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        found += [
            ast.unparse(node)
            for target in targets
            if isinstance(target, ast.Attribute)
            and isinstance(target.value, ast.Name)
            and target.value.id in imported
        ]
        if isinstance(node, ast.Call) and re.match(r"(vars|globals)\(\)\.", ast.unparse(node)):
            found.append(ast.unparse(node))
    return found


def test_no_module_has_mutable_global_state() -> None:
    """State is in an object with methods, Django's cache, a bounded `lru_cache` or a context variable."""
    found = {name: held for name, tree in modules() if (held := held_state(tree))}

    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    global known\n    known = 1",
        "kept: dict[str, int] = {}",
        "recent = []",
        "seen = set()",
        "recent = deque(maxlen=3)",
        "local = threading.local()",
        "vars().update(env.email_url())",
        "from package import worker\nworker.Worker = Mine",
        "import package\ndef f():\n    package.LIMIT = 2",
    ],
)
def test_each_kind_of_global_state_is_found(code: str) -> None:
    assert held_state(ast.parse(code))


def test_names_of_limits_begin_with_max() -> None:
    other = re.compile(r"^_?(MOST|LONGEST|LARGEST|BIGGEST|HIGHEST)_", re.MULTILINE)
    found = [name for name, _tree in modules() if other.search((PACKAGE / name).read_text(encoding="utf-8"))]

    assert found == []


def names_bound(statements: list[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements define or assign, without imports; also those under `if` and `try`."""
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found = (one for target in targets for one in ast.walk(target))
            yield from (one.id for one in found if isinstance(one, ast.Name))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from names_bound([one for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt)])


def test_no_public_name_is_defined_in_two_modules() -> None:
    """A search for a name finds one definition; a name with a leading underscore is private to its module."""
    places: dict[str, set[str]] = {}
    for module, tree in modules():
        for name in names_bound(tree.body):
            if not name.startswith("_") and not module.startswith(FORMATS):
                places.setdefault(name, set()).add(module)
    repeated = {name: sorted(found) for name, found in places.items() if len(found) > 1}

    assert {name: found for name, found in repeated.items() if name not in CONVENTIONS} == {}
    assert repeated.keys() == CONVENTIONS.keys()


def test_no_two_modules_import_each_other_and_none_in_a_circle() -> None:
    graph = {
        "ticketadmin." + name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): {
            imported for imported in imports(tree) if imported.startswith("ticketadmin.")
        }
        for name, tree in modules()
    }
    graph = {name: imported & graph.keys() for name, imported in graph.items()}
    for name in graph:
        graph[name].discard(name)
    while leaves := [name for name, imported in graph.items() if not imported & graph.keys()]:
        for name in leaves:
            del graph[name]

    assert graph == {}


def test_services_packages_do_not_import_each_other_both_ways() -> None:
    pairs = {
        (name.split("/")[1], imported.split(".")[2])
        for name, tree in modules()
        if name.startswith("services/") and name.count("/") > 1
        for imported in imports(tree)
        if imported.startswith("ticketadmin.services.") and imported.split(".")[2] != name.split("/")[1]
    }

    assert {(one, other) for one, other in pairs if (other, one) in pairs} == set()


def test_everything_public_has_a_docstring() -> None:
    silent = []
    for name, tree in modules():
        if not ast.get_docstring(tree) and (PACKAGE / name).stat().st_size:
            silent.append(name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                silent += [] if ast.get_docstring(node) else [f"{name} {node.name}"]

    assert silent == []


def _downloads(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions that answer with a file or a stream."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        texts = {
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        is_file = any("content-disposition" in text.lower() or "text/csv" in text for text in texts)
        if is_file or names & {"StreamingHttpResponse", "FileResponse", "csv_download", "given_back"}:
            yield function


def test_every_download_is_recorded() -> None:
    """By `audited_export`, which the function that answers calls."""
    found, unrecorded = 0, {}
    for file in sorted((PACKAGE / "views").rglob("*.py")):
        for function in _downloads(ast.parse(file.read_text(encoding="utf-8"))):
            found += 1
            calls = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            if "audited_export" not in calls:
                unrecorded[file.relative_to(PACKAGE).as_posix(), function.name] = function.lineno

    assert found >= 4
    assert unrecorded.keys() == UNRECORDED.keys()
