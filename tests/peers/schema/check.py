"""Validates files against the schemas that `labwire schema` prints."""

import copy
import glob
import json
import subprocess
import tomllib

from jsonschema import Draft202012Validator

FOLDERS = {
    "problem": ["core/model/problems", "host-wasm/page/problems", "tests/problems/**", "tests/tests/file_keys/problems"],
    "experiment": ["core/design/experiments", "tests/tests/file_keys/experiments"],
}


def labwire(*arguments):
    return subprocess.run(["target/release/labwire", *arguments], check=True, text=True, stdout=subprocess.PIPE).stdout


def validator(kind):
    schema = json.loads(labwire("schema", kind))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def objects(value):
    """All objects within a value."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from objects(inner)


def check_files(kind):
    files = sorted(file for folder in FOLDERS[kind] for file in glob.glob(folder + "/*.json", recursive=True))
    files = [file for file in files if not file.endswith("optima.json")]
    assert files, kind
    schema, refused = validator(kind), 0
    for file in files:
        content = json.load(open(file))
        errors = [f"{error.json_path}: {error.message}" for error in schema.iter_errors(content)]
        assert not errors, (file, errors)
        # Wherever the format chooses the names, another one is a fault.
        for i in range(len(list(objects(content)))):
            faulty = copy.deepcopy(content)
            list(objects(faulty))[i]["?"] = [[[True]]]
            assert not schema.is_valid(faulty), (file, i)
            refused += 1
    print(f"ok: {len(files)} {kind} files satisfy the schema, {refused} with faults do not")


def check_configuration():
    schema = validator("config")
    default = tomllib.loads(labwire("config"))
    schema.validate(default)
    for section, key, value in [
        ("open", "kill", "sometimes"),
        ("open", "queue", "many"),
        ("limits", "idle-timeout", -1),
        ("log", "format", "xml"),
        ("opne", "queue", 1),
        ("open", "qeue", 1),
    ]:
        faulty = copy.deepcopy(default)
        faulty.setdefault(section, {})[key] = value
        assert not schema.is_valid(faulty), (section, key)
    print("ok: the default configuration satisfies the schema, others do not")


for kind in FOLDERS:
    check_files(kind)
check_configuration()
