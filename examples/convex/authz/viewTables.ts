import { v } from "convex/values";
import { viewTable } from "convex-lazy-views";
import { tupleFields } from "./tuple";

/** The answers of checks. */
export const grantsTable = viewTable({ key: tupleFields, value: { allowed: v.boolean() } });
