import { expect, test } from "vitest";
import { films } from "./moviesData";

test("there are 3,200 films: of the file's 3,201, one has no title", () => {
  expect(films()).toHaveLength(3_200);
});

test("a title that is a number is text", () => {
  expect(films()).toContainEqual({
    title: "1776",
    year: 1972,
    director: null,
    genre: "Drama",
    distributor: "Sony/Columbia",
    rating: "PG",
    score: 7,
  });
  expect(films().filter(({ title }) => typeof title !== "string")).toEqual([]);
});

test("years lie between 1915 and 2011, also of films that the file puts a century late", () => {
  const years = films().map(({ year }) => year);
  expect(Math.min(...years)).toBe(1915);
  expect(Math.max(...years)).toBe(2011);
});
