import type { GenericDataModel } from "convex/server";
import { LazyViews, type LazyViewsOptions } from "convex-lazy-views";
import { ConvexHttpClient } from "convex-lazy-views/client";
import { fetchQuery } from "convex-lazy-views/nextjs";
import { ConvexReactClient } from "convex-lazy-views/react";
import { collectEffects } from "convex-lazy-views/test";

/** Uses of the entry points, as Node's resolution finds them. */
export const wire = (options: LazyViewsOptions<GenericDataModel>) => new LazyViews(options);
export const count = async () => (await collectEffects(async () => null)).effects.length;
export const clients = [ConvexHttpClient, ConvexReactClient, fetchQuery];
