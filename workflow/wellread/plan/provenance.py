"""What a result depends on besides files and settings: the code that made it, and its plate's rows of a table.

Snakemake compares params by value but does not see edits in imported modules, nor which rows of a shared table
belong to a plate. Hashes of both, passed as params, make exactly the right jobs run again.
"""

import ast
import hashlib
import io
from contextlib import suppress
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv

PACKAGE = Path(__file__).parents[1]
FRAME = "runtime"  # the room of what changes no result
MESSAGES = ("InputError", "log")  # who is called with words for people
KEEP_WEIGHTS = (  # beginnings of names of modules that training uses for something else, or whose results it hashes
    "inputs.", "networks.", "encoder.weights", "train.checkpoint", "train.collapse", "train.footprint", "train.labels",
    "train.lock", "train.monitor", "train.probes", "train.shares", "train.validation",
)  # fmt: skip
PLAIN = csv.WriteOptions(include_header=False, quoting_style="none")
TEMPLATES = (".html", ".css", ".js", ".bib")


def fingerprint(*modules: str) -> str:
    """Hash the code of `modules` (dots for folders) and of every wellread module they import, however deep.

    It is the same after edits of comments, docstrings, annotations, layout, log lines and error messages, after edits
    in the room `runtime`, and after modules have moved. Templates that a module names, or whose folder it names, count.
    """
    return _digest("".join(_code(module) for module in sorted(set(modules))))


def weights_fingerprint(*modules: str) -> str:
    """Hash the code of `modules` and of all they import, but for those on which no weights depend (KEEP_WEIGHTS)."""
    found = {module for module in counted(*modules) if not module.startswith(KEEP_WEIGHTS)}
    return _digest("".join(sorted(_own_code(module) for module in found)))


def counted(*modules: str) -> set[str]:
    """The modules that `fingerprint` looks at."""
    waiting, found = list(modules), set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [name for name in _imports(_tree(module)) if not _is_frame(name)]
    return found


def rows_hash(rows: pd.DataFrame | pa.Table) -> str:
    """Hash the rows of one plate, so that a change in another plate's rows changes nothing here."""
    return hashlib.sha256(_csv(rows)).hexdigest()[:16]


def _csv(rows: pd.DataFrame | pa.Table) -> bytes:
    """What `to_csv(index=False)` of pandas writes, in UTF-8: by pyarrow, as it is faster, if no cell needs a quote."""
    with suppress(pa.ArrowException):
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)
        if table.num_columns > 1 and all(map(_is_text_column, table.columns)):
            body = io.BytesIO()
            csv.write_csv(table, body, PLAIN)
            return _header(*table.column_names) + body.getvalue()
    return (rows.to_pandas() if isinstance(rows, pa.Table) else rows).to_csv(index=False).encode()


@cache
def _header(*names: str) -> bytes:
    return pd.DataFrame(columns=names).to_csv(index=False).encode()


def _is_text_column(column: pa.ChunkedArray) -> bool:
    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _code(module: str) -> str:
    """The hash of a module in which imports of our own modules are replaced by the hashes of these."""
    return _hash_of(module, _hash)


@cache
def _own_code(module: str) -> str:
    """The hash of a module, whatever is in those that it imports."""
    return _hash_of(module, _no_hash)


def _hash_of(module: str, of_import) -> str:
    tree = _Imports(of_import).visit(_WithoutWords().visit(_tree(module)))
    for scope in ast.walk(tree):
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
            _drop_unused_text(scope)
    return _digest(ast.dump(tree) + "".join(_templates(module)))


def _tree(module: str) -> ast.Module:
    return ast.parse(_source(module).read_text())


def _templates(module: str) -> list[str]:
    """The texts beside a module that its source names, or whose folder it names."""
    source = _source(module)
    text, here = source.read_text(), source.parent
    files = [path for path in sorted(here.rglob("*")) if path.suffix in TEMPLATES]
    return [
        path.read_text() for path in files if (path.name if path.parent == here else f'"{path.parent.name}"') in text
    ]


def _source(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_frame(module: str) -> bool:
    return module.split(".")[0] == FRAME


def _imports(tree: ast.AST) -> list[str]:
    """The wellread modules that a module imports, wherever in it."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and _own(node.module)]
    return [name for node in nodes for name in (_target(node), *filter(None, _submodules(node))) if name]


def _own(module: str | None) -> bool:
    return module is not None and (module == "wellread" or module.startswith("wellread."))


def _target(node: ast.ImportFrom) -> str:
    """The module that names are imported from, "" if it is a folder."""
    module = node.module.removeprefix("wellread").removeprefix(".")
    return module if module and PACKAGE.joinpath(*module.split(".")).with_suffix(".py").is_file() else ""


def _submodules(node: ast.ImportFrom) -> list[str]:
    """Per imported name the module that it is, "" if it is none."""
    folder = node.module.removeprefix("wellread").removeprefix(".")
    names = [f"{folder}.{alias.name}".lstrip(".") for alias in node.names]
    return [name if PACKAGE.joinpath(*name.split(".")).with_suffix(".py").is_file() else "" for name in names]


class _Imports(ast.NodeTransformer):
    """Put what a function says of a module in the place of its name, such as its hash."""

    def __init__(self, of_import):
        self.of_import = of_import

    def visit_ImportFrom(self, node):
        if not _own(node.module):
            return node
        submodules, target = _submodules(node), _target(node)
        for alias, name in zip(node.names, submodules, strict=True):
            if name:
                alias.name, alias.asname = self.of_import(name), alias.asname or alias.name
        node.module = self.of_import(target) if target else "wellread"
        return node


def _hash(module: str) -> str:
    return FRAME if _is_frame(module) else _code(module)


def _no_hash(_module: str) -> str:
    return "wellread"


class _WithoutWords(ast.NodeTransformer):
    """Take out what is said to people: docstrings, annotations of functions, log lines, the text of errors."""

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant) or (isinstance(node.value, ast.Call) and _speaker(node.value) == "log"):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Call(self, node):
        if _speaker(node) == "InputError":
            node.args, node.keywords = [], []
        return self.generic_visit(node)

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node):
        node.annotation = None
        return node


def _speaker(call: ast.Call) -> str:
    """The name in MESSAGES that is called, itself or one of its methods; "" for all others."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return base.id if isinstance(base, ast.Name) and base.id in MESSAGES else ""


def _drop_unused_text(scope: ast.AST) -> None:
    """Drop assignments of text that nothing reads any more, since only messages did; then those that these read."""
    dropped = True
    while dropped:
        nodes = list(ast.walk(scope))
        read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        assignments = [node for node in nodes if isinstance(node, ast.Assign) and len(node.targets) == 1]
        dropped = sum(_drop(node, read) for node in assignments) > 0


def _drop(node: ast.Assign, read: set[str]) -> bool:
    """Whether an assignment gave text to names that are not read; it no longer does."""
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        target, value = ast.Tuple([target]), ast.Tuple([value])
    kept = [
        pair
        for pair in zip(target.elts, value.elts, strict=True)
        if not (isinstance(pair[0], ast.Name) and pair[0].id not in read and _is_text(pair[1]))
    ]
    if dropped := len(kept) < len(target.elts):
        node.targets = [ast.Tuple([name for name, _ in kept], ast.Store())]
        node.value = ast.Tuple([text for _, text in kept], ast.Load())
    return dropped


def _is_text(node: ast.AST) -> bool:
    """Whether an expression is a string put together from constants, names and formats."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    joins = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join"
    return isinstance(node, ast.JoinedStr) or (joins and _is_text(node.func.value))
