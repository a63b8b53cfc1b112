import type { GenericSchema, SchemaDefinition } from "convex/server";
import type { Modules } from "./modules";

/** A Convex component: tables and functions that are separate from the app's. */
export interface Component {
  schema: SchemaDefinition<GenericSchema, boolean>;
  /** Its modules, with one of `_generated` among them. */
  modules: Modules;
}

/** Components by the paths where they are mounted: `"aggregate"`, or inside it `"aggregate/batchWorker"`. */
export type Components = Record<string, Component>;

/** Where the app itself is mounted. */
export const ROOT = "";

/** How a function refers to another one, in system calls. */
export interface FunctionAddress {
  name?: string;
  reference?: string;
  functionHandle?: string;
}

/** A function, by its component and by its path inside it. */
export interface FunctionLocation {
  component: string;
  path: string;
}

/**
 * Turns a component's name for something into one that is unique in the deployment. Tables, ids
 * and functions of different components may have the same names.
 */
export function qualify(component: string, name: string): string {
  return component === ROOT ? name : `${component}/${name}`;
}

/** Resolves a function's address, as used by a function of `component`, in the way of convex-test. */
export function locate(component: string, address: FunctionAddress): FunctionLocation {
  const { name = "", reference, functionHandle } = address;
  if (functionHandle !== undefined) {
    // function://aggregate;btree:get
    const [target = ROOT, path = ""] = functionHandle.slice("function://".length).split(";");
    return { component: target, path };
  }
  if (reference !== undefined) {
    // _reference/childComponent/aggregate/btree/get
    const [child = "", ...segments] = reference.split("/").slice(2);
    const exportName = segments.pop();
    return { component: qualify(component, child), path: `${segments.join("/")}:${exportName}` };
  }
  return { component, path: name };
}
