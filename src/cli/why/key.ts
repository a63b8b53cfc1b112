import { type JSONValue, jsonToConvex } from "convex/values";
import { canonicalText } from "../../values/canonical.js";
import { CliError } from "../output.js";

/** The key of a row, from the command line. */
export interface GivenKey {
  /** In Convex's JSON, as arguments of a function are sent. */
  json: Record<string, JSONValue>;
  /** Its canonical text, by which rows are found. */
  text: string;
}

/**
 * Parses a key that is given as one JSON object, or as pairs: `airport=SFO year=2024`. The value of a pair is parsed as
 * JSON; if that fails, it is a string. So `code='"42"'` is the string 42.
 *
 * @throws CliError that names the part which cannot be parsed.
 */
export function parseKey(words: readonly string[]): GivenKey {
  const [first = ""] = words;
  const json =
    words.length === 1 && first.startsWith("{") ? parseObject(first) : Object.fromEntries(words.map(parsePair));
  try {
    return { json, text: canonicalText(jsonToConvex(json)) };
  } catch (error) {
    throw new CliError(`The key ${words.join(" ")} is not a Convex value: ${(error as Error).message}`);
  }
}

function parseObject(text: string): Record<string, JSONValue> {
  try {
    return JSON.parse(text) as Record<string, JSONValue>;
  } catch (error) {
    throw new CliError(
      `The key ${text} is not JSON: ${(error as Error).message}. Write it in single quotes: '{"a":"b"}'.`,
    );
  }
}

function parsePair(word: string): [string, JSONValue] {
  const [, name, text = ""] = /^([A-Za-z]\w*)=([\s\S]*)$/.exec(word) ?? [];
  if (name === undefined) {
    throw new CliError(
      `"${word}" is not a part of a key. Give the key as JSON, '{"airport":"SFO"}', or as airport=SFO.`,
    );
  }
  try {
    return [name, JSON.parse(text) as JSONValue];
  } catch {
    return [name, text];
  }
}
