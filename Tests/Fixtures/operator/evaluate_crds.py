"""What an API server with CEL would say to objects, worked out with a JSON schema validator and Google's CEL runtime.

    evaluate_crds.py CASES DEFINITIONS

CASES is a file with a JSON list of {"kind", "new", "old"?}; DEFINITIONS one with the CustomResourceDefinitions as YAML.
Prints one JSON object a line: {"schema": [field], "rules": [[field, message]]}. Rules are only looked at in objects that
keep to the schema, as servers do it. An expression that does not compile or fails is an error of its own.
"""

import copy
import json
import sys

import jsonschema
import yaml
from cel_expr_python import cel

ENVIRONMENT = cel.NewEnv(
    variables={"self": cel.Type.DYN, "oldSelf": cel.Type.DYN},
    # Of Kubernetes' own library.
    functions=[
        cel.FunctionDecl(
            "sum",
            [cel.Overload("list_sum", cel.Type.INT, [cel.Type.List(cel.Type.DYN)], is_member=True,
                          impl=lambda values: sum(values))])
    ])
PROGRAMS = {}


def holds(rule, new, old):
    program = PROGRAMS.get(rule)
    if program is None:
        program = PROGRAMS[rule] = ENVIRONMENT.compile(rule)
    answer = program.eval(data={"self": new, "oldSelf": old}).value()
    if answer is not True and answer is not False:
        raise SystemExit(f"{rule}: {answer!r} for {new!r}")
    return answer


def with_defaults(schema, value):
    """Fills in defaults from the outside to the inside, as servers do."""
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name not in value and "default" in inner:
                value[name] = copy.deepcopy(inner["default"])
            if name in value:
                with_defaults(inner, value[name])
    elif isinstance(value, list):
        for element in value:
            with_defaults(schema.get("items", {}), element)
    return value


def field_name(path):
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def schema_issues(schema, value):
    fields = {field_name(error.absolute_path) for error in jsonschema.Draft7Validator(schema).iter_errors(value)}
    return sorted(fields | set(repeated(schema, value, [])))


def repeated(schema, value, path):
    """Lists whose elements have to be distinct and are not."""
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from repeated(inner, value[name], path + [name])
    elif isinstance(value, list):
        keys = element_keys(schema, value)
        for index, element in enumerate(value):
            if keys is not None and keys[index] in keys[:index]:
                yield field_name(path + [index])
            yield from repeated(schema["items"], element, path + [index])


def element_keys(schema, value):
    """What tells the elements of a list apart, if they have to be distinct."""
    kind = schema.get("x-kubernetes-list-type")
    if kind == "set":
        return value
    if kind == "map":
        names = schema["x-kubernetes-list-map-keys"]
        return [tuple(element.get(name) for name in names) if isinstance(element, dict) else None for element in value]
    return None


ABSENT = object()


def rule_issues(schema, new, old, path):
    """Rules of a value and of everything in it; those with oldSelf only where there was such a value before."""
    for rule in schema.get("x-kubernetes-validations", []):
        is_transition = "oldSelf" in rule["rule"]
        if is_transition and old is ABSENT:
            continue
        if not holds(rule["rule"], new, None if old is ABSENT else old):
            yield [field_name(path), rule["message"]]
    if isinstance(new, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in new:
                before = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
                yield from rule_issues(inner, new[name], before, path + [name])
    elif isinstance(new, list):
        keys = element_keys(schema, new)
        # Only elements with a key of their own have a past.
        is_map = schema.get("x-kubernetes-list-type") == "map"
        past = dict(zip(element_keys(schema, old), old)) if is_map and isinstance(old, list) else {}
        for index, element in enumerate(new):
            before = past.get(keys[index], ABSENT) if is_map else ABSENT
            yield from rule_issues(schema["items"], element, before, path + [index])


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        schemas = {
            document["spec"]["names"]["kind"]: document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            for document in yaml.safe_load_all(file)
        }
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        schema = schemas[case["kind"]]
        new = with_defaults(schema, case["new"])
        old = with_defaults(schema, case["old"]) if "old" in case else ABSENT
        answer = {"schema": schema_issues(schema, new), "rules": []}
        if not answer["schema"]:
            answer["rules"] = sorted(rule_issues(schema, new, old, []))
        print(json.dumps(answer))


main()
