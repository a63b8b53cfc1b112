import type { GenericDataModel } from "convex/server";
import { LazyViews, type LazyViewsOptions } from "convex-lazy-views";
import { collectEffects } from "convex-lazy-views/test";

/** Both entry points as Node's own resolution finds them. */
export const wire = (options: LazyViewsOptions<GenericDataModel>) => new LazyViews(options);
export const count = async () => (await collectEffects(async () => null)).effects.length;
