import type { Edit } from "./edit.js";

/** What `init` does to one file of the app. */
export interface Step {
  /** Its path in the functions folder. */
  file: string;
  /** `kept`: nothing is missing. `manual`: the user must add the lines by hand. */
  action: "kept" | "created" | "added" | "manual";
  /** The lines that are there already, or were added, or must be added. */
  lines: string[];
  /** Why the user must add the lines by hand. */
  reason?: string;
  /** The new text of the file, when it is created or lines are added. */
  text?: string;
}

/** A change that cannot be made safely: the user must add the lines. */
export class ByHand extends Error {
  constructor(
    readonly reason: string,
    readonly lines: string[],
  ) {
    super(reason);
  }
}

/** The plan for one file. */
export interface Draft {
  edit: Edit;
  isNew: boolean;
  /** The lines that are there already. */
  kept: string[];
}
