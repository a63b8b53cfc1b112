import { httpRouter } from "convex/server";
import { lazy } from "./lazy";

const http = httpRouter();
lazy.registerRoutes(http);
export default http;
