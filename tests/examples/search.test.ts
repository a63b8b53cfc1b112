import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { api } from "../../examples/convex/_generated/api.js";
import { movieSearch } from "../../examples/convex/search/movieSearch.js";
import { type Film, films } from "../../examples/moviesData.js";
import { startExample } from "./startExample.js";

let example: ReturnType<typeof startExample>;
beforeEach(() => {
  example = startExample();
});
afterEach(() => {
  vi.useRealTimers();
});

const alien: Film = {
  title: "Alien",
  year: 1979,
  director: "Ridley Scott",
  genre: "Horror",
  distributor: "20th Century Fox",
  rating: "R",
  score: 8.5,
};

const add = (film: Film) => example.t.mutation(api.search.movies.add, film);
const query = (text: string) => example.t.query(api.search.find.films, { text });
const collect = (text: string) => example.views.collect(() => query(text));
const find = async (text: string) => (await collect(text)).result;
const settled = (text: string) => example.views.settle(() => query(text));

describe("a search", () => {
  test("finds a film by its title before it has a row, and has the row made", async () => {
    const movie = await add(alien);
    const { result, messages } = await collect("ali");
    expect(result).toEqual([
      {
        movie,
        title: "Alien",
        year: 1979,
        director: "Ridley Scott",
        genre: "Horror",
        rating: "R",
        score: 8.5,
        by: "title",
        state: "missing",
      },
    ]);
    expect(await find("scott")).toEqual([]);
    await example.deliver(messages);
    expect(await find("scott")).toMatchObject([{ movie, by: "text", state: "fresh" }]);
  });

  test("of many films without rows raises them all in one line", async () => {
    for (let part = 1; part <= 9; part++) await add({ ...alien, title: `Alien ${part}` });
    const { result, effects, messages } = await collect("alien");
    expect(result).toHaveLength(6);
    expect(effects).toHaveLength(6);
    expect(messages).toHaveLength(1);
  });

  test("of a film with a fresh row raises nothing", async () => {
    await add(alien);
    await settled("alien");
    for (const text of ["alien", "scott", "fox 1979"]) {
      const { result, effects } = await collect(text);
      expect(result).toMatchObject([{ title: "Alien", state: "fresh" }]);
      expect(effects).toEqual([]);
    }
  });

  test.each([
    ["accents", "Amélie", "AMELIE"],
    ["punctuation", "Schindler's List", "schindlers, list!"],
    ["a leading article in the title", "The Godfather", "godf"],
    ["a leading article in what is typed", "The Godfather", "the godf"],
    ["digits", "1941", "194"],
  ])("does not mind %s", async (_, title, typed) => {
    await add({ ...alien, title });
    expect(await find(typed)).toMatchObject([{ title }]);
    await settled(typed);
    expect(await find(title)).toMatchObject([{ title }]);
  });

  test.each(["", "   ", "?!", "'’"])("for nothing (%j) is empty and reads nothing", async (text) => {
    await add(alien);
    const { result, effects } = await collect(text);
    expect(result).toEqual([]);
    expect(effects).toEqual([]);
    expect(await reads(text)).toEqual({ documents: 0, ranges: 0 });
  });

  test("for a huge text is one for its first 100 characters, of these for the first 16 words", async () => {
    await add(alien);
    await settled("alien");
    const words = Array.from({ length: 17 }, (_, i) => (i === 16 ? "alien" : `x${i}`)).join(" ");
    expect(await find(words)).toEqual([]);
    expect(await find(`${" ".repeat(99)}a${"x".repeat(1_000_000)}`)).toMatchObject([{ title: "Alien" }]);
    expect(await find(`${" ".repeat(100)}alien`)).toEqual([]);
  });

  test("finds what the query language of a search might take for syntax", async () => {
    await add({ ...alien, title: 'AND "OR" (x:*)' });
    expect(await find('and "or" (x:*)')).toHaveLength(1);
    expect(await find('"and" -or NOT x')).toEqual([]);
  });

  test("in an action finds and warms as in a page", async () => {
    await add(alien);
    const ask = () => example.t.action(api.search.assistant.answer, { text: "alien" });
    expect(await example.views.settle(ask)).toBe("Alien (1979)");
    expect(await find("scott")).toHaveLength(1);
    expect(await example.t.action(api.search.assistant.answer, { text: "?" })).toBe('I know no film for "?".');
  });
});

describe("a film", () => {
  test("that was changed is served as it was, and indexed anew by the search that finds it", async () => {
    const movie = await add(alien);
    await settled("alien");
    const changes = { director: "James Cameron" };
    await example.t.mutation(api.search.movies.edit, { movie, changes });
    await example.views.advance(10 * 60_000);
    await example.views.expectState(movieSearch, { movie }, "stale");
    const { result, messages } = await collect("scott");
    expect(result).toMatchObject([{ movie, director: "Ridley Scott", by: "text", state: "stale" }]);
    await example.deliver(messages);
    expect(await find("scott")).toEqual([]);
    expect(await find("cameron")).toMatchObject([{ movie, state: "fresh" }]);
  });

  test("whose title was changed is found by the new one at once, as it is now", async () => {
    const movie = await add(alien);
    await settled("alien");
    await example.t.mutation(api.search.movies.edit, { movie, changes: { title: "Aliens" } });
    expect(await find("aliens")).toMatchObject([{ title: "Aliens", by: "title", state: "stale" }]);
    expect(await settled("aliens")).toMatchObject([{ movie, title: "Aliens", state: "fresh" }]);
  });

  test("that was removed is found by no search, also when an effect for it comes late or again", async () => {
    const movie = await add(alien);
    const { messages } = await collect("alien");
    await example.deliver(messages);
    await example.t.mutation(api.search.movies.remove, { movie });
    expect(await find("alien")).toEqual([]);
    expect(await find("scott")).toEqual([]);
    await example.views.advance(3_600_000);
    await example.forgetLedger();
    await example.deliver(messages);
    const { result, effects } = await collect("alien scott");
    expect(result).toEqual([]);
    expect(effects).toEqual([]);
    expect((await example.views.peek(movieSearch, { movie })).value).toEqual({
      text: "",
      film: null,
    });
  });

  test("whose warming is replayed is not indexed again", async () => {
    await add(alien);
    const { messages } = await collect("alien");
    await example.deliver(messages);
    await example.views.advance(3_600_000);
    await example.forgetLedger();
    const before = await example.documents();
    await example.deliver(messages);
    expect(await example.documents()).toEqual(before);
  });

  test("without a letter or digit in its title is refused", async () => {
    await expect(add({ ...alien, title: "?!" })).rejects.toThrow(
      `a film's title is "?!"; give one with a letter or a digit.`,
    );
    const movie = await add(alien);
    const blank = { movie, changes: { title: " " } };
    await expect(example.t.mutation(api.search.movies.edit, blank)).rejects.toThrow('title is " "');
  });
});

describe("the 3,200 films", () => {
  beforeEach(async () => {
    const all = films();
    for (let start = 0; start < all.length; start += 200) {
      const batch = all.slice(start, start + 200);
      await example.t.mutation(api.search.movies.load, { films: batch });
    }
  });

  test("are read in at most 20 documents for a keystroke, cold and warm", async () => {
    const typed = ["the godfather", "star wars", "love in 1999", "coppola", "2", "é"];
    const texts = new Set(typed.flatMap((text) => [...text].map((_, i) => text.slice(0, i + 1))));
    let most = 0;
    for (const text of texts) {
      most = Math.max(most, (await reads(text)).documents);
      await settled(text);
      most = Math.max(most, (await reads(text)).documents);
    }
    // The worst case: eight rows, six films, and a row for each film.
    expect(most).toBe(20);
  });

  test("are warmed while a user types, and then found by other words", async () => {
    for (const text of ["g", "go", "god", "godf", "godfa"]) await settled(text);
    const found = await find("coppola");
    expect(found.map(({ title, by, state }) => ({ title, by, state }))).toEqual(
      expect.arrayContaining([{ title: "The Godfather", by: "text", state: "fresh" }]),
    );
  });
});

/** The documents that a keystroke reads, as Convex counts them. */
async function reads(text: string) {
  const { result } = await example.views.collect(() =>
    example.t.query(async (ctx) => {
      await ctx.runQuery(api.search.find.films, { text });
      const { documentsRead, databaseQueries } = await ctx.meta.getTransactionMetrics();
      return { documents: documentsRead.used, ranges: databaseQueries.used };
    }),
  );
  return result;
}
