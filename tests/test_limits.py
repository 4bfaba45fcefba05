"""What is too large is refused before it is read, and before memory is asked for; odd values of options as well."""

import bz2
import gzip
import lzma
import os
import resource
import subprocess
import sys

import pytest
from support_runs import ONE_TASK, carry_out, plan_of

from grokbench import cli
from grokbench.errors import UsageError
from grokbench.limits import MOST_COLUMNS, MOST_NUMBERS, bounded_text
from grokbench.logs.judging import detect_files
from grokbench.logs.reading import Reading
from grokbench.registry import tasks
from grokbench.report.write import write_report
from grokbench.runs.note import Note
from grokbench.runs.store import Store
from grokbench.suites.plan import make_plan
from grokbench.suites.suite import load_suite, shipped_suites

HUGE = 60 * 2**30
ROWS = [(t, 1.0, 0.1 if t < 50 else 1.0) for t in (0, 1, 2, 5, 10, 20, 50, 100, 200)]
LOG = "time,train_accuracy,test_accuracy\n" + "".join(f"{t},{a},{b}\n" for t, a, b in ROWS)


@pytest.fixture
def little_memory():
    """Two more GB for this process, so that a task that asks first fails at once."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with open("/proc/self/status") as file:
        used = next(int(line.split()[1]) for line in file if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (used * 1024 + 2**31, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


def refused(capfd, *arguments):
    """The one line with which a command refuses."""
    with pytest.raises(SystemExit) as end:
        cli.main([str(argument) for argument in arguments])
    err = capfd.readouterr().err
    assert end.value.code == 2
    assert err.count("\n") == 1
    assert err.removesuffix("\n").isprintable()
    return err


# ---------------------------------------------------------------- tasks


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("permutation", {"group": "dihedral", "n": 1_000_000}, "n = 1000000: expected at most 292"),
        ("permutation", {"group": "dihedral", "n": 293}, "n = 293: expected at most 292"),
        ("permutation", {"group": "dihedral", "n": 2**62}, "expected at most 292"),
        ("permutation", {"group": "symmetric", "n": 7}, "n = 7: expected at most 6"),
        ("permutation", {"group": "symmetric", "n": 2**62}, "expected at most 6"),
        ("modular", {"modulus": 10**12}, "modulus"),
        ("modular", {"modulus": 2**62, "operation": "x/y"}, "modulus"),
        ("parity", {"n_bits": 10**15}, "n_bits = 1000000000000000: expected at most 50000"),
        ("parity", {"n_bits": 50_001}, "expected at most 50000"),
        ("majority", {"n_train": 10**12}, "n_bits"),
        ("comparison", {"n_test": 2**62}, "n_bits"),
        ("parity", {"n_bits": 30, "n_train": 2 * 10**6, "n_test": 2 * 10**6}, "n_bits = 30: expected at most"),
        ("concealed", {"n_concealed": 10**12}, "n_concealed = 1000000000000: expected at most 49998"),
        ("concealed", {"n_concealed": 40, "n_train": 10**12}, "n_train"),
        ("concealed", {"modulus": 10**9}, "modulus"),
        ("concealed", {"n_concealed": 60, "n_test": 10**12}, "n_test"),
        ("single_index", {"n_features": 10**9}, "n_features = 1000000000: expected at most"),
        ("single_index", {"n_train": 2**62}, "n_train"),
        ("linear_teacher", {"n_test": 10**10}, "n_test = 10000000000: expected at most"),
        ("slope", {"n_train": 10**9}, "n_train"),
        ("sine", {"n_test": 10**9}, "n_test"),
        ("eigenvector", {"n_train": 100_000}, "n_train = 100000: expected at most 10000"),
        ("eigenvector", {"n_test": 10**9}, "n_test"),
        ("eigenvector", {"n_features": 10**9}, "n_features = 1000000000: expected at most 250000"),
        ("digits", {"n_train": 10**9}, "n_train"),
    ],
)
def test_a_task_that_is_too_large_is_refused_without_asking_for_memory(tmp_path, little_memory, name, options, option):
    with pytest.raises(UsageError) as error:
        tasks.create(name, **options)
    assert option in str(error.value)
    assert "\n" not in str(error.value)
    values = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in options.items())
    suite = f'[[tasks]]\nname = "{name}"\n{values}[[learners]]\nname = "kernel_flow"\nbudget = 5\n'
    with pytest.raises(UsageError, match=rf"\[\[tasks\]\] {name}: "):
        plan_of(suite, tmp_path)


@pytest.mark.parametrize(
    ("name", "options"), [("permutation", {"group": "dihedral", "n": 60}), ("eigenvector", {"n_train": 400})]
)
def test_the_largest_that_is_named_is_a_task(name, options):
    assert len(tasks.create(name, **options).split(0).y_train)


def test_every_shipped_suite_can_be_planned():
    for name in shipped_suites():
        load_suite(name)
    assert make_plan(load_suite("smoke")).specs


def test_a_bound_is_as_large_as_the_number_that_it_names():
    with pytest.raises(UsageError, match=f"{MOST_NUMBERS:,} numbers at a time"):
        tasks.create("single_index", n_features=10**9)


# ---------------------------------------------------------------- stored files


def stored(folder):
    assert carry_out(
        plan_of(ONE_TASK + '[[learners]]\nname = "kernel_flow"\nbudget = 5\n', folder), folder / "r", jobs=0
    )
    return folder / "r", next((folder / "r" / "runs").iterdir())


@pytest.mark.filterwarnings("ignore:run .* does not check out")
@pytest.mark.parametrize("name", ["run.json", "curve.csv"])
@pytest.mark.parametrize("size", [HUGE, 2**28 + 1])
def test_a_giant_record_is_put_aside_unread(tmp_path, name, size):
    results, run = stored(tmp_path)
    os.truncate(run / name, size)
    with pytest.warns(UserWarning, match=f"{name} is larger than any that was stored"):
        assert Store(results).read(run.name) is None
    assert [path.name.partition("-")[0] for path in (results / "quarantine").iterdir()] == [run.name]
    write_report(results)


@pytest.mark.parametrize("size", [HUGE, 2**28 + 1])
def test_a_giant_note_is_not_used(tmp_path, size):
    (tmp_path / "suite.json").touch()
    os.truncate(tmp_path / "suite.json", size)
    with pytest.warns(UserWarning, match="suite.json is larger than any"):
        assert Note.read(tmp_path) == Note()


@pytest.mark.parametrize("verb", ["compare", "run", "show"])
def test_a_giant_suite_is_refused(tmp_path, capfd, verb):
    (tmp_path / "s.toml").touch()
    os.truncate(tmp_path / "s.toml", HUGE)
    assert "larger than any" in refused(capfd, verb, tmp_path / "s.toml")


def test_what_is_no_file_is_no_text(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("abc")
    (tmp_path / "link").symlink_to(tmp_path / "text")
    assert bounded_text(tmp_path / "text", 3) == "abc"
    for name, most in (("pipe", 9), ("link", 9), ("text", 2), (".", 9), ("missing", 9)):
        with pytest.raises(OSError):
            bounded_text(tmp_path / name, most)


# ---------------------------------------------------------------- logs


def log(folder, content, name="log.csv"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def test_a_giant_log_is_refused(tmp_path, capfd):
    os.truncate(log(tmp_path, LOG), HUGE)
    assert "larger than any log" in refused(capfd, "detect", tmp_path / "log.csv", "--classes", 5)


@pytest.mark.parametrize("columns", [MOST_COLUMNS + 1, 1_000_000])
def test_a_log_of_a_million_columns_is_refused(tmp_path, capfd, columns):
    head = "time,train_accuracy,test_accuracy" + "," * columns
    assert "more columns than any log" in refused(capfd, "detect", log(tmp_path, head + "\n1,1,1\n"), "--classes", 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        LOG.replace("\n10,", "\n10" + ",1" * 1_000_000 + ",", 1),
        "a" * 2**21 + "\n" + LOG,
        "\n".join(["time,train_accuracy,test_accuracy", "1" + ",1" * 1_000_000]),
        "time,train_accuracy,test_accuracy\n" + "0,1," * 500_000,
    ],
    ids=["one long row", "one long name", "first row long", "no ends of lines"],
)
def test_rows_of_other_shapes_are_one_line(tmp_path, text):
    with pytest.raises(UsageError) as error:
        detect_files([log(tmp_path, text)], Reading(classes=5))
    assert str(error.value).startswith(str(tmp_path))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_compressed_log_is_read_and_a_bomb_is_not(tmp_path, capfd, monkeypatch, suffix, pack):
    (row,) = detect_files([log(tmp_path, pack(LOG.encode()), f"log.csv{suffix}")], Reading(classes=5))
    assert row["outcome"] == detect_files([log(tmp_path, LOG)], Reading(classes=5))[0]["outcome"]
    monkeypatch.setattr("grokbench.logs.formats.delimited.LARGEST_UNPACKED", 2**20)
    bomb = log(tmp_path, pack(LOG.encode() + b"\n" * 2**24), f"bomb.csv{suffix}")
    assert "unpacked it is larger than" in refused(capfd, "detect", bomb, "--classes", 5)
    for damaged in (pack(LOG.encode())[:-9], pack(LOG.encode())[:20], b"", b"\x1f\x8b" + b"a" * 50):
        assert detect_fails(log(tmp_path, damaged, f"bad.csv{suffix}"))


def detect_fails(path):
    with pytest.raises(UsageError, match=r"not a CSV table|no rows|no column") as error:
        detect_files([path], Reading(classes=5))
    return "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", [".zip", ".zst", ".tar", ".parquet"])
def test_what_is_no_table_is_to_be_unpacked_first(tmp_path, capfd, suffix):
    assert "unpack it first" in refused(capfd, "detect", log(tmp_path, LOG, f"log{suffix}"), "--classes", 5)


@pytest.mark.parametrize(
    ("twice", "options"),
    [
        ("time", {}),
        ("test_accuracy", {}),
        ("train_accuracy", {}),
        ("test_loss", {}),
        ("key", {}),
        ("run", {"series": ("run",)}),
        ("acc", {"test_column": "acc"}),
    ],
)
def test_a_column_that_stands_there_twice_is_named(tmp_path, twice, options):
    lines = LOG.splitlines()
    names = lines[0].split(",")
    more = [name for name in ("key", "run", "acc", "test_loss") if name == twice]
    extra = [*more, twice]
    text = ",".join([*names, *extra]) + "\n" + "".join(f"{line}{',1' * len(extra)}\n" for line in lines[1:])
    with pytest.raises(UsageError, match=f"column '{twice}' stands there 2 times"):
        detect_files([log(tmp_path, text)], Reading(classes=5, **options))


def test_other_columns_may_stand_there_twice(tmp_path):
    lines = LOG.splitlines()
    text = "".join(f"{line},{'x,x' if i == 0 else '1,2'}\n" for i, line in enumerate(lines))
    assert len(detect_files([log(tmp_path, text)], Reading(classes=5))) == 1


@pytest.mark.parametrize("column", ["run", "key"])
def test_the_names_of_series_are_texts(tmp_path, column):
    names = ["001", "1", "NA", "nan", "1e3", "0x10", "True", "1.0", "None", " a"]
    lines = LOG.splitlines()
    text = f"{lines[0]},{column}\n" + "".join(f"{line},{name}\n" for name in names for line in lines[1:])
    rows = detect_files([log(tmp_path, text)], Reading(classes=5, series=(column,)))
    assert [row["series"] for row in rows] == names


def test_a_row_of_no_series_is_counted(tmp_path):
    lines = LOG.splitlines()
    text = f"{lines[0]},run\n" + "".join(f"{line},\n" for line in lines[1:])
    with pytest.raises(UsageError, match="9 rows belong to no series"):
        detect_files([log(tmp_path, text)], Reading(classes=5, series=("run",)))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("-0.5", "got -0.5"),
        ("1.0001", "got 1.0001"),
        ("100", "row 4: expected shares from 0 to 1, got 100; --train-unit percent"),
        ("-1e-4", "got -0.0001"),
        ("inf", "got inf"),
    ],
)
def test_a_value_that_is_wrong_is_the_one_that_is_named(tmp_path, value, named):
    with pytest.raises(UsageError, match="expected shares from 0 to 1") as error:
        detect_files([log(tmp_path, LOG.replace("\n5,1.0", f"\n5,{value}"))], Reading(classes=5))
    assert named in str(error.value)


# ---------------------------------------------------------------- options of the command line


@pytest.mark.parametrize(
    "arguments",
    [
        ["--memory-limit", "nan"],
        ["--memory-limit", "inf"],
        ["--memory-limit", "-inf"],
        ["--memory-limit", "0"],
        ["--memory-limit", ""],
        ["--memory-limit", "1e999"],
        ["--results", ""],
        ["--results", " "],
        ["--jobs", "-1"],
        ["--jobs", "1000000000000"],
        ["--jobs", "nan"],
        ["--jobs", ""],
        ["--seeds", "0"],
        ["--seeds", "1" + "0" * 30],
        ["--seeds", ""],
        ["--only", ""],
        ["--set", ""],
        ["--set", "="],
        ["--include", ""],
        ["--dask", ""],
        ["--device", ""],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("verb", ["run", "compare"])
def test_odd_values_of_options_are_one_line(tmp_path, monkeypatch, capfd, verb, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text(ONE_TASK + '[[learners]]\nname = "kernel_flow"\nbudget = 5\n')
    refused(capfd, verb, "s.toml", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", ""],
        ["compare", ""],
        ["show", "mlp", "--results", ""],
        ["doctor", "--results", ""],
        ["detect", ""],
        ["detect", "log.csv", "--chance", "nan"],
        ["detect", "log.csv", "--classes", "5", "--ceiling", "inf"],
        ["detect", "log.csv", "--classes", "5", "--ceiling", "0"],
        ["detect", "log.csv", "--classes", "5", "--level", "nan"],
        ["detect", "log.csv", "--classes", "5", "--level", "0"],
        ["detect", "log.csv", "--classes", "5", "--baseline-loss", "nan"],
        ["detect", "log.csv", "--classes", "5", "--baseline-loss", "-1"],
        ["detect", "log.csv", "--classes", "1"],
        ["detect", "log.csv", "--classes", "5", "--series", ""],
        ["detect", "log.csv", "--classes", "5", "--time", ""],
        ["list", "tasks", "--include", ""],
    ],
    ids=" ".join,
)
def test_odd_values_of_other_verbs_are_one_line(tmp_path, monkeypatch, capfd, arguments):
    monkeypatch.chdir(tmp_path)
    log(tmp_path, LOG)
    refused(capfd, *arguments)


@pytest.mark.slow
def test_a_memory_limit_beyond_all_memory_limits_nothing(tmp_path):
    (tmp_path / "s.toml").write_text(ONE_TASK + '[[learners]]\nname = "kernel_flow"\nbudget = 5\n')
    command = [
        sys.executable,
        "-m",
        "grokbench",
        "run",
        "s.toml",
        "--jobs",
        "1",
        "--memory-limit",
        "1e300",
        "--results",
        "r",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
