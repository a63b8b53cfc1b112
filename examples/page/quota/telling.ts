import { field } from "../shared/field";
import { rowsOf, type Telling } from "../shared/storyText";

/** The words for the activity of the accounts. */
export const telling: Telling = {
  folder: "quota",
  views: ["accountUsage"],
  rows: (keys, name) => rowsOf(keys.map(({ args }) => name(field(args, "account")))),
  writes: {
    "quota/accounts:use": (args, name) => `${name(field(args, "account"))} used ${field(args, "units")} units`,
    "quota/accounts:unlock": (args, name) => `${name(field(args, "account"))} was unlocked, and began its next period`,
    "quota/accounts:setLimit": (args, name) =>
      `the limit of ${name(field(args, "account"))} is now ${field(args, "limit")}`,
  },
  effects: {
    "quota/accounts:lock": {
      seen: (args, name) => `${name(field(args, "account"))} was seen past its limit`,
      asked: "lock the account",
      done: "it looked again, and locked the account if it was still past its limit",
    },
  },
};
