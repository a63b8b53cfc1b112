import type { Edit } from "./edit.js";

/** What `init` does to one file of the app. */
export interface Step {
  /** Below the functions folder. */
  file: string;
  /** `kept`: nothing is missing; `manual`: the lines are to be added by hand. */
  action: "kept" | "created" | "added" | "manual";
  /** The lines that are there, were added, or are to be added. */
  lines: string[];
  /** Why the lines are to be added by hand. */
  reason?: string;
  /** The file's new text, when it is created or added to. */
  text?: string;
}

/** Wants a change that cannot be made safely: the lines are for the user to add. */
export class ByHand extends Error {
  constructor(
    readonly reason: string,
    readonly lines: string[],
  ) {
    super(reason);
  }
}

/** A file that a planner looks at, and what it does there. */
export interface Draft {
  edit: Edit;
  isNew: boolean;
  /** The lines that are there already. */
  kept: string[];
}
