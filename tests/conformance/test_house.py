"""The house rules that no tool checks.

Sizes, rooms, constructors, who may import what in tools and networks.
"""

import ast
import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

from mmisr import registry
from mmisr.openmmlab.stack import prepare

prepare()

ROOT = Path(__file__).parents[2]


def beside(name: str):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


density = beside("density")
PACKAGE = sorted((ROOT / "mmisr").rglob("*.py"))
TOOLS = sorted((ROOT / "tools").rglob("*.py"))
REGISTRIES = [
    r for r in vars(registry).values() if isinstance(r, registry.Registry) and r.scope == "mmisr"
]

PASSED_ON = {
    "SRCocoDataset": "its base's, mmdet's CocoDataset, which names an unknown key",
    "PhasedDistributedDataParallel": "its base's, torch's DistributedDataParallel, which names an "
    "unknown key",
}
"""Constructors that hand **kwargs to a base class outside the project."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def length(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def registered() -> list[type]:
    for group in REGISTRIES:
        group.import_from_location()
    return [
        cls
        for group in REGISTRIES
        for cls in group.module_dict.values()
        if cls.__module__.startswith("mmisr.")
    ]


def test_there_is_something_to_check():
    assert len(PACKAGE) > 60
    assert len(TOOLS) > 5
    assert len(registered()) > 15


def test_files_are_short():
    assert {name_of(p): length(p) for p in PACKAGE if length(p) > 400} == {}
    assert {name_of(p): length(p) for p in TOOLS if length(p) > 80} == {}


def test_functions_are_short():
    long = {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in [*PACKAGE, *TOOLS]
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno - node.lineno >= 60
    }
    assert long == {}


def test_lines_hold_one_thought():
    """At most 10 syntax nodes per line, or what the file had: a ceiling may only fall.

    With ``-s`` the table of all files is printed, densest first.
    """
    measured, allowed = density.measure(), density.ceilings()
    print("\nnodes/line  lines  file")
    for name, value in sorted(measured.items(), key=lambda row: -row[1]):
        print(f"{value:10.1f}  {length(ROOT / name):5d}  {name}")
    over = {
        name: f"{value:.1f}"
        for name, value in measured.items()
        if value > allowed.get(name, density.LIMIT)
    }
    assert over == {}, "more than one thought in a line: name what stands between"


def test_ceilings_of_the_density_follow_the_files():
    """Who brings a file down takes its ceiling along: python tests/conformance/density.py."""
    measured, loose = density.measure(), []
    for name, ceiling in density.ceilings().items():
        value = measured.get(name, 0.0)
        if value <= density.LIMIT or ceiling - value > density.SLACK:
            loose.append(f"{name}: {value:.1f}, its ceiling is {ceiling}")
    assert loose == [], "run python tests/conformance/density.py"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("a = 1\n" * 5, 4),  # Assign, Name, Store, Constant
        ('"""Said."""\n' + "a = 1\n" * 5, 4),
        ("# why\n\n" + "a = 1\n" * 5, 4),
        ("a = 1\n" * 4, None),
    ],
)
def test_the_measure_of_density(code, value):
    body = "".join(f"    {line}\n" for line in code.splitlines())
    assert list(density.densities(f"def f():\n{body}")) == ([] if value is None else [value])


def constructors() -> dict[str, ast.arguments]:
    return {
        node.name: function.args
        for path in PACKAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        for function in node.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    }


def test_no_constructor_swallows_unknown_keys():
    assert {name for name, args in constructors().items() if args.kwarg is not None} - set(
        PASSED_ON
    ) == set()


def test_at_most_one_switch_in_a_constructor():
    def switches(args: ast.arguments) -> int:
        values = [*args.defaults, *(d for d in args.kw_defaults if d is not None)]
        return sum(isinstance(d, ast.Constant) and isinstance(d.value, bool) for d in values)

    assert {
        name: switches(args) for name, args in constructors().items() if switches(args) > 1
    } == {}


@pytest.mark.parametrize("cls", registered(), ids=lambda cls: cls.__name__)
def test_an_unknown_config_key_fails_by_name(cls):
    required = {
        name: None
        for name, p in inspect.signature(cls.__init__).parameters.items()
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD and name != "self"
    }
    with pytest.raises(TypeError, match=r"no_such_key|\(\) takes no arguments"):
        cls(**required, no_such_key=1)


@pytest.mark.parametrize("kind", ["editors", "strategies", "losses"])
def test_rooms_have_empty_init_files(kind):
    """A net can then be imported alone, without mmagic."""
    files = sorted((ROOT / "mmisr" / kind).rglob("__init__.py"))
    assert files
    assert [name_of(p) for p in files if p.read_text(encoding="utf-8").strip()] == []


def test_every_room_is_registered_and_tested():
    texts = [p.read_text(encoding="utf-8") for p in (ROOT / "tests").rglob("test_*.py")]
    for kind in ("editors", "strategies"):
        rooms = [
            p
            for p in sorted((ROOT / "mmisr" / kind).iterdir())
            if p.is_dir() and p.name != "__pycache__"
        ]
        assert rooms
        for room in rooms:
            classes = [
                c.__name__
                for c in registered()
                if c.__module__.startswith(f"mmisr.{kind}.{room.name}.")
            ]
            assert classes, f"{room} registers nothing: add its module to registry.py"
            assert any(name in text for name in classes for text in texts), (
                f"no test names {classes}"
            )


def test_every_location_imports():
    for group in REGISTRIES:
        for place in group._locations:
            importlib.import_module(place)


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", TOOLS, ids=name_of)
def test_tools_call_the_apis_and_no_more(path):
    heavy = {
        n
        for n in imported(path)
        if n.partition(".")[0] in ("mmisr", "mmcv", "mmdet", "mmagic", "torch")
    }
    assert {n for n in heavy if not n.startswith("mmisr.apis")} == set()
    assert ast.get_docstring(tree(path)), (
        "a tool says in its first line what it does: --help prints it"
    )


def test_class_names_of_others_stand_in_configs():
    """Beside the door, only configs name classes of mmdet and mmagic."""
    found = {
        f"{name_of(path)}:{node.lineno}: {node.value}"
        for path in PACKAGE
        if "openmmlab" not in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith(("mmdet.", "mmagic.", "mmcv."))
        and " " not in node.value
    }
    assert found == set()
