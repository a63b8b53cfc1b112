import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { moveTo } from "../../tools/repository.js";
import { ROOT } from "../package/pack.js";

test("another repository is named in one step, also in the README's links, images and the site's address", async () => {
  const folder = await mkdtemp(join(tmpdir(), "convex-lazy-views-repository-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = ["package.json", "README.md", "CHANGELOG.md"];
  for (const file of files) await cp(join(ROOT, file), join(folder, file));
  const before = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const owner = /github\.com\/([^/]+)\//.exec(before.repository.url)?.[1] ?? "";
  moveTo("https://github.com/Acme/views", folder, files);
  const { repository, homepage, bugs } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  expect({ url: repository.url, homepage, bugs: bugs.url }).toEqual({
    url: "git+https://github.com/Acme/views.git",
    homepage: "https://acme.github.io/views/",
    bugs: "https://github.com/Acme/views/issues",
  });
  for (const file of files) {
    const text = await readFile(join(folder, file), "utf8");
    expect(
      text.match(new RegExp(`(github\\.com/|raw\\.githubusercontent\\.com/|//)${owner}\\b.*`, "g")),
      file,
    ).toBeNull();
  }
  expect(await readFile(join(folder, "README.md"), "utf8")).toContain(
    "https://raw.githubusercontent.com/Acme/views/main/docs/",
  );
});

test("an address that is no repository of GitHub is refused", () => {
  expect(() => moveTo("https://example.com/views", ROOT, [])).toThrow(
    "https://example.com/views; give an address such as",
  );
});
