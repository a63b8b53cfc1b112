import { expect, test } from "vitest";
import { airports, flights } from "./flightsData";

test("there are 3,000 flights, each between two known airports", () => {
  const known = new Set(airports().map(({ code }) => code));
  expect(flights()).toHaveLength(3_000);
  for (const { origin, destination } of flights()) {
    expect(known).toContain(origin);
    expect(known).toContain(destination);
  }
});

test("airports come busiest first, and only those that occur", () => {
  const codes = airports().map(({ code }) => code);
  expect(codes.slice(0, 4)).toEqual(["ORD", "DFW", "ATL", "LAX"]);
  expect(codes).toHaveLength(191);
});

test("a name with a comma is one name", () => {
  expect(airports()).toContainEqual({
    code: "BTR",
    name: "Baton Rouge Metropolitan, Ryan",
    city: "Baton Rouge",
  });
});
