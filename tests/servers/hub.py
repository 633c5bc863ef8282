"""A Hugging Face hub, as its client library sees it: branches, commits, files in git and in LFS."""

import hashlib
import json
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from tests.servers.http_fake import answering

LFS_SUFFIXES = (".safetensors", ".bin")


class FakeHub:
    """Repositories in memory; `fail` answers everything with (status, headers, body) instead."""

    def __init__(self):
        self.commits = {}
        """(repository, commit) -> files by path"""
        self.branches = {}
        """(repository, branch) -> commit"""
        self.fail = None
        self.asked = []
        self.url = None

    def push(self, repository, files, branch="main"):
        """Commit files to a branch; returns the commit."""
        content = [(repository, path, files[path].hex()) for path in sorted(files)]
        past = len(self.commits)
        commit = hashlib.sha1(json.dumps([content, past]).encode()).hexdigest()
        self.commits[repository, commit] = dict(files)
        self.branches[repository, branch] = commit
        return commit

    def answer(self, method, target, headers):
        self.asked.append(f"{method} {target}")
        if self.fail is not None and (failure := self.fail(target, headers)) is not None:
            return failure
        path = unquote(urlsplit(target).path)
        if path.startswith("/api/models/"):
            return self._info(path.removeprefix("/api/models/"))
        repository, _, rest = path.strip("/").partition("/resolve/")
        revision, _, name = rest.partition("/")
        return self._file(repository, revision, name)

    def _commit(self, repository, revision):
        commit = self.branches.get((repository, revision), revision)
        return commit if (repository, commit) in self.commits else None

    def _info(self, path):
        if "/tree/" in path:
            return self._tree(*path.split("/tree/"))
        repository, separator, revision = path.partition("/revision/")
        if not any(known == repository for known, _ in self.commits):
            return 404, {"x-error-code": "RepoNotFound"}, b"{}"
        commit = self._commit(repository, revision if separator else "main")
        if commit is None:
            return 404, {"x-error-code": "RevisionNotFound"}, b"{}"
        files = self.commits[repository, commit]
        siblings = [_sibling(name, content) for name, content in sorted(files.items())]
        info = {
            "_id": "1",
            "id": repository,
            "modelId": repository,
            "sha": commit,
            "siblings": siblings,
        }
        return 200, {"content-type": "application/json"}, json.dumps(info).encode()

    def _tree(self, repository, revision):
        files = self.commits[repository, self._commit(repository, revision)]
        listed = [_tree_entry(name, content) for name, content in sorted(files.items())]
        return 200, {"content-type": "application/json"}, json.dumps(listed).encode()

    def _file(self, repository, revision, name):
        commit = self._commit(repository, revision)
        content = self.commits.get((repository, commit), {}).get(name)
        if content is None:
            return 404, {"x-error-code": "EntryNotFound"}, b""
        digest = hashlib.sha256(content).hexdigest()
        return 200, {"x-repo-commit": commit, "etag": f'"{digest}"'}, content


def _sibling(name, content):
    facts = {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
    if name.endswith(LFS_SUFFIXES):
        sha256 = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
    return facts


def _tree_entry(name, content):
    facts = _sibling(name, content)
    entry = {"type": "file", "path": name, "size": len(content), "oid": facts["blobId"]}
    if "lfs" in facts:
        entry["lfs"] = {"oid": facts["lfs"]["sha256"], "size": len(content), "pointerSize": 130}
    return entry


@contextmanager
def fake_hub():
    """Serve an empty hub; yields it, with its address in `url`."""
    hub = FakeHub()
    with answering(hub.answer) as hub.url:
        yield hub
