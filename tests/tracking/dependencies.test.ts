import type { GenericDocument } from "convex/server";
import { afterEach, describe, expect, test } from "vitest";
import { endTestApp } from "../testApp.js";
import { type Doc, find, startDocs } from "./docs.js";
import type { Reader } from "./randomReads.js";

// Which inserted documents make a row stale, depending on the reads of its compute.

afterEach(endTestApp);

describe("a document that is inserted", () => {
  const cases: [what: string, compute: (ctx: Reader) => Promise<unknown>, near: Doc[], far: Doc[]][] = [
    ["with a field of a value", find("by_a", (q) => q.eq("a", "x")), [{ a: "x" }, { a: "x", b: 1 }], [{}, { a: "y" }]],
    ["without the field", find("by_a", (q) => q.eq("a", undefined)), [{}, { a: undefined }], [{ a: null }, { a: "" }]],
    ["with null", find("by_a", (q) => q.eq("a", null)), [{ a: null }], [{}, { a: 0 }, { a: "null" }]],
    ["with 0", find("by_a", (q) => q.eq("a", 0)), [{ a: 0 }], [{ a: -0 }, { a: 0n }]],
    ["with -0", find("by_a", (q) => q.eq("a", -0)), [{ a: -0 }], [{ a: 0 }]],
    ["with NaN", find("by_a", (q) => q.eq("a", Number.NaN)), [{ a: Number.NaN }], [{ a: null }]],
    ["with an array", find("by_a", (q) => q.eq("a", [1, "x"])), [{ a: [1, "x"] }], [{ a: [1] }, { a: 1 }]],
    [
      "with an object, whatever the order of its fields",
      find("by_a", (q) => q.eq("a", { x: 1, y: 2 })),
      [{ a: { y: 2, x: 1 } }],
      [{ a: { x: 1 } }],
    ],
    [
      "with bytes",
      find("by_a", (q) => q.eq("a", new ArrayBuffer(2))),
      [{ a: new ArrayBuffer(2) }],
      [{ a: new ArrayBuffer(1) }],
    ],
    [
      "with a field in an object",
      find("by_x", (q) => q.eq("b.x", 1)),
      [{ b: { x: 1 } }],
      [{ b: { x: 2 } }, { b: 1 }, {}],
    ],
    [
      "without a field in an object",
      find("by_x", (q) => q.eq("b.x", undefined)),
      [{}, { b: 1 }, { b: {} }, { b: [1] }],
      [{ b: { x: null } }],
    ],
    [
      "above a bound",
      find("by_a", (q) => q.gt("a", 3)),
      [{ a: 3.5 }, { a: "text" }, { a: [] }],
      [{ a: 3 }, { a: null }, {}, { a: 9n }],
    ],
    ["from a bound on", find("by_a", (q) => q.gte("a", 3)), [{ a: 3 }, { a: 4 }], [{ a: 2.9 }]],
    [
      "below a bound",
      find("by_a", (q) => q.lt("a", 3)),
      [{ a: 2.9 }, {}, { a: null }, { a: 9n }],
      [{ a: 3 }, { a: "" }],
    ],
    ["up to a bound", find("by_a", (q) => q.lte("a", 3)), [{ a: 3 }], [{ a: 3.1 }]],
    [
      "between bounds, after a field of a value",
      find("by_a_b", (q) => q.eq("a", "x").gt("b", 1).lte("b", 3)),
      [
        { a: "x", b: 2 },
        { a: "x", b: 3 },
      ],
      [{ a: "x", b: 1 }, { a: "x", b: 4 }, { a: "y", b: 2 }, { a: "x" }, { b: 2 }],
    ],
    ["above what is missing", find("by_a", (q) => q.gt("a", undefined)), [{ a: null }, { a: 1 }], [{}]],
    ["in an index without a range", find("by_a", (q) => q), [{}, { a: 1 }], []],
    ["in a table that was read as a whole", (ctx) => ctx.db.query("docs").first(), [{}], []],
    [
      "that a search may find",
      (ctx) =>
        ctx.db
          .query("docs")
          .withSearchIndex("by_text", (q) => q.search("text", "red").eq("a", "x"))
          .take(3),
      [{ a: "x", text: "red" }],
      [{ a: "y", text: "red" }, { text: "red" }],
    ],
    [
      "that a search without filters may find",
      (ctx) =>
        ctx.db
          .query("docs")
          .withSearchIndex("by_text", (q) => q.search("text", "red"))
          .take(3),
      [{ a: "y", text: "red" }],
      [],
    ],
    ["where one read several ranges", find("by_a", (q) => q.eq("a", "x")), [{ a: "x" }], [{ a: "z" }]],
  ];

  test.each(cases)("%s makes a row stale, and others do not", async (_, compute, near, far) => {
    const app = startDocs(compute);
    await app.refresh();
    for (const document of far) {
      await app.insert(document);
      expect(
        await app.state(),
        JSON.stringify(document, (_, value) => String(value)),
      ).toBe("fresh");
    }
    for (const document of near) {
      await app.insert(document);
      expect(await app.state()).toBe("stale");
      await app.refresh();
      expect(await app.state()).toBe("fresh");
    }
  });

  test("with a timestamp of its commit makes a row stale that has read from a timestamp on", async () => {
    const app = startDocs((ctx) =>
      ctx.db
        .query("times")
        .withIndex("by_at", (q) => q.gte("at", 0n as never))
        .collect(),
    );
    await app.refresh();
    await app.mutation((ctx) => ctx.db.insert("times", { at: ctx.db.vars.commitTs }));
    expect(await app.state()).toBe("stale");
    const [stored] = (await app.refresh()) as [GenericDocument];
    await app.mutation((ctx) => ctx.db.patch("times", stored._id as never, { at: ctx.db.vars.commitTs }));
    expect(await app.state()).toBe("stale");
  });

  test("since a moment makes a row stale that has read the newest documents", async () => {
    const since = new Date("2026-01-01T00:01:00Z").getTime();
    const app = startDocs((ctx) =>
      ctx.db
        .query("docs")
        .withIndex("by_creation_time", (q) => q.gte("_creationTime", since))
        .collect(),
    );
    await app.refresh();
    await app.insert({});
    expect(await app.state()).toBe("fresh");
    await app.advance(60_000);
    await app.insert({});
    expect(await app.state()).toBe("stale");
  });
});

test("a long text that ends in the middle of a character of two units is stored well-formed", async () => {
  // Convex stores no lone surrogate.
  for (const length of [990, 991, 992, 993, 994, 995, 996, 997, 998, 999, 1_000, 1_001]) {
    const long = `${"x".repeat(length)}😀😀${"y".repeat(20)}`;
    const app = startDocs(find("by_a", (q) => q.eq("a", long)));
    await app.refresh();
    for (const { text } of await app.rows("lazyDependencies"))
      expect(() => encodeURIComponent(String(text))).not.toThrow();
    await app.insert({ a: "x" });
    expect(await app.state()).toBe("fresh");
    await app.insert({ a: long });
    expect(await app.state()).toBe("stale");
    endTestApp();
  }
});
