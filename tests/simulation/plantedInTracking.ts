import type { PlantedBug } from "./planted.js";
import type { Reads } from "./trackedViews.js";

const bug = (
  seed: number,
  name: string,
  file: string,
  [find, replace]: [find: string, replace: string],
  kind: PlantedBug["kind"] = {},
): PlantedBug => ({ among: "tracked", seed, name, edits: [{ file: `src/${file}.ts`, find, replace }], kind });

const reading = (reads: Reads) => ({ reads });
const NOTHING = "";

/** Bugs in the recording of dependencies, in how writes find them, and in views over views. */
export const BUGS_OF_TRACKING: readonly PlantedBug[] = [
  bug(48, "only the first shapes are learned", "tracking/store", [
    'if (stored) await db.patch("lazyShapes", stored._id, { shapes: [...all] });\n  else',
    "if (!stored)",
  ]),
  bug(
    141,
    "a bound leaves out what is equal to it",
    "tracking/dependency",
    ["/e$/.test(String(kind))", "false"],
    reading("bounds"),
  ),
  bug(
    195,
    "upper bounds are lower bounds",
    "tracking/dependency",
    ["order > 0 === /^g/.test(String(kind))", "order > 0"],
    reading("bounds"),
  ),
  bug(5, "the old document is not looked up", "tracking/store", ["[before, after].filter(", "[after].filter("]),
  bug(0, "the new document is not looked up", "tracking/store", ["[before, after].filter(", "[before].filter("]),
  bug(0, "an insert is not looked up", "tracking/store", [`shape.endsWith(',"_id"]')`, "true"]),
  bug(
    947,
    "a document without a named table is not looked up",
    "staleness/watch",
    ["app.views.has(table) ? [table] : [table, ANY_TABLE]", "[table]"],
    reading("ids"),
  ),
  bug(
    45,
    "rows of any table mark themselves",
    "staleness/watch",
    ["app.views.has(table) ? [table] : [table, ANY_TABLE]", "[table, ANY_TABLE]"],
    reading("ids"),
  ),
  bug(6, "an old dependency is kept", "tracking/store", [
    'if (!found.registered.delete(identity)) await db.delete("lazyDependencies", _id);',
    "void [found.registered.delete(identity), _id];",
  ]),
  bug(60, "a new dependency is not stored beside old ones", "tracking/store", [
    "for (const dependency of found.registered.values()) await",
    "if (before.size === 0) for (const dependency of found.registered.values()) await",
  ]),
  bug(3, "dependencies outlive their row", "staleness/sources", [
    "if (row.tracked) await removeDependencies",
    "if (false) await removeDependencies",
  ]),
  bug(4, "cached dependencies outlive a sub-mutation", "model/execution", ["this.dependents.clear();", NOTHING]),
  bug(29, "cached shapes outlive a sub-mutation", "model/execution", [
    "this.dependents.clear();\n    this.shapes = undefined;",
    "this.dependents.clear();",
  ]),
  bug(13, "a shared dependency has no tag", "staleness/sources", [
    "for (const text of shared) await invalidateTag(execution.db, sharedTag(text));",
    "void [shared, invalidateTag, sharedTag];",
  ]),
  bug(13, "the tags of shared dependencies are not compared", "staleness/judge", [
    "view.tags || row.tracked?.shared ? askTags",
    "view.tags ? askTags",
  ]),
  bug(26, "the first rows of a shared dependency do not record that they share it", "tracking/store", [
    "if (row?.tracked) await shareDependency(db, view, row, text);",
    "void [row, shareDependency];",
  ]),
  bug(
    1_271,
    "some of too many shared dependencies are forgotten",
    "tracking/store",
    ["register(execution, row, [...others, ...whole],", "register(execution, row, others,"],
    reading("ids"),
  ),
  bug(32, "some of too many dependencies on a table are forgotten", "tracking/recorder", [
    "|| found.has(whole.text)) return [whole];",
    "|| found.has(whole.text)) return [...found.values()].slice(1);",
  ]),
  bug(2, "a row without recorded dependencies is trusted", "staleness/judge", [
    "if (!tracked) return isRecorded(view);",
    "if (!tracked) return false;",
  ]),
  bug(83, "the versions of the views under a row are not compared", "staleness/judge", [
    "siblings?.get(name)?.version !== version",
    "siblings?.get(name)?.version === undefined",
  ]),
  bug(5, "a compute reads a stale inner row as it is", "recompute/compute", ['!== "fresh") {', '=== "expired") {']),
  bug(5, "the dependencies of a fresh inner row are not copied", "recompute/compute", [
    "recorder.add(dependency);",
    "void dependency;",
  ]),
  bug(
    13,
    "the shared dependencies of a fresh inner row are not copied",
    "tracking/recorder",
    ["for (const text of shared) this.shared.add(text);", "void shared;"],
    { reads: "over tracked", isCrowded: true },
  ),
  bug(
    38,
    "a change of an applied inner row does not reach the outer row",
    "staleness/sources",
    ["await markOver(execution, view, key, by);\n    await markRow", "await markRow"],
    reading("over applied"),
  ),
  bug(5, "an outer view depends only on the key of its inner view", "recompute/compute", [
    "computeKey(this, view, key, { recorder })",
    "computeKey(this, view, key)",
  ]),
  bug(
    19,
    "a view with declared sources does not depend on the views under it",
    "tracking/recorder",
    ["isTracked || (mode", "isTracked || (false && mode"],
    reading("declared over tracked"),
  ),
  bug(
    48,
    "rows of a view are read raw",
    "recompute/compute",
    [
      "return isComputed ? this.#upToDate(inner, document as unknown as StoredRow) : document;",
      "return isComputed && false ? this.#upToDate(inner, document as unknown as StoredRow) : document;",
    ],
    reading("rows"),
  ),
  bug(0, "an audit does not mark what it finds", "app/audit", ["if (row?.asOf === asOf) await", "if (false) await"], {
    isDrifting: true,
  }),
  bug(
    0,
    "an audit compares a row with itself",
    "app/audit",
    ["const value = await compute();", "const { value } = row;"],
    { isDrifting: true },
  ),
];
