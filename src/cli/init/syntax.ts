import { parse } from "@babel/parser";

/* A source file of the app: its syntax tree, imports, constants and exports. */

type Program = ReturnType<typeof parse>["program"];
export type Statement = Program["body"][number];
export type Expression = Extract<Statement, { type: "ExpressionStatement" }>["expression"];
export type ObjectExpression = Extract<Expression, { type: "ObjectExpression" }>;
export type ImportDeclaration = Extract<Statement, { type: "ImportDeclaration" }>;
type CallExpression = Extract<Expression, { type: "CallExpression" | "NewExpression" }>;

/** A node of a syntax tree, of any type. */
export interface AnyNode {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

/** The module and the name of an import or a re-export. `name` is `"*"` for the whole module. */
export interface Imported {
  from: string;
  name: string;
}

/** A source file of the app. */
export interface Source {
  /** Its path in the functions folder, with `/`, such as `rollups/airportStats.ts`. */
  file: string;
  text: string;
  body: Statement[];
  comments: { start: number; end: number }[];
  /** The imports, by their local names, without those of types. */
  imports: Map<string, Imported>;
  /** The value of each `const` of the module, by its name. */
  constants: Map<string, Expression>;
  /** For each exported name, its local name, or what is re-exported from another module. */
  exports: Map<string, string | Imported>;
  /** The modules of `export * from`. */
  stars: string[];
  /** All names in the module's scope, also those of types. */
  names: Set<string>;
}

export const TYPESCRIPT = /\.[cm]?tsx?$/;

/** @throws The SyntaxError of the parser, when the text cannot be parsed. */
export function parseSource(file: string, text: string): Source {
  const isTypeScript = TYPESCRIPT.test(file);
  const hasJsx = !isTypeScript || file.endsWith("x");
  const { program, comments } = parse(text, {
    sourceType: "module",
    plugins: [...(isTypeScript ? (["typescript"] as const) : []), ...(hasJsx ? (["jsx"] as const) : [])],
  });
  const source: Source = {
    file,
    text,
    body: program.body,
    comments: (comments ?? []).map(({ start, end }) => ({ start: start ?? 0, end: end ?? 0 })),
    imports: new Map(),
    constants: new Map(),
    exports: new Map(),
    stars: [],
    names: new Set(),
  };
  for (const statement of program.body) noteStatement(source, statement);
  return source;
}

function noteStatement(source: Source, statement: Statement): void {
  switch (statement.type) {
    case "ImportDeclaration":
      noteImport(source, statement);
      return;
    case "ExportAllDeclaration":
      source.stars.push(statement.source.value);
      return;
    case "ExportDefaultDeclaration": {
      const exported = unwrap(statement.declaration as Expression);
      if (exported.type === "Identifier") source.exports.set("default", exported.name);
      return;
    }
    case "ExportNamedDeclaration":
      for (const specifier of statement.specifiers) {
        const exported = "exported" in specifier ? nameOf(specifier.exported) : "";
        if (specifier.type === "ExportNamespaceSpecifier") continue;
        const local = specifier.type === "ExportSpecifier" ? specifier.local.name : exported;
        const { source: from } = statement;
        source.exports.set(exported, from ? { from: from.value, name: local } : local);
      }
      if (statement.declaration) {
        for (const name of noteDeclaration(source, statement.declaration)) source.exports.set(name, name);
      }
      return;
    default:
      noteDeclaration(source, statement);
  }
}

function noteImport({ imports, names }: Source, { importKind, specifiers, source }: ImportDeclaration): void {
  for (const specifier of specifiers) {
    const local = specifier.local.name;
    names.add(local);
    const isType = importKind === "type" || ("importKind" in specifier && specifier.importKind === "type");
    if (isType) continue;
    const name =
      specifier.type === "ImportSpecifier"
        ? nameOf(specifier.imported)
        : specifier.type === "ImportDefaultSpecifier"
          ? "default"
          : "*";
    imports.set(local, { from: source.value, name });
  }
}

/** @returns The names that it declares. */
function noteDeclaration({ constants, names }: Source, declaration: Statement): string[] {
  const declared: string[] = [];
  if (declaration.type === "VariableDeclaration") {
    for (const { id, init } of declaration.declarations) {
      if (id.type === "Identifier" && init && declaration.kind === "const") constants.set(id.name, init);
      walk(id, (node) => {
        if (node.type === "Identifier") declared.push(String(node.name));
      });
    }
  } else if ("id" in declaration && declaration.id?.type === "Identifier") declared.push(declaration.id.name);
  for (const name of declared) names.add(name);
  return declared;
}

const nameOf = (node: { type: string; name?: string; value?: string }): string => node.name ?? node.value ?? "";

/** Visits a node, and all nodes below it. */
export function walk(node: unknown, visit: (node: AnyNode) => void): void {
  if (Array.isArray(node)) for (const each of node) walk(each, visit);
  else if (typeof node === "object" && node !== null && "type" in node) {
    visit(node as AnyNode);
    for (const [field, value] of Object.entries(node)) {
      if (field !== "loc" && !field.endsWith("Comments")) walk(value, visit);
    }
  }
}

/** An expression without what only a type checker reads: `… as T`, `… satisfies T`, `…!`. */
export function unwrap(expression: Expression): Expression {
  switch (expression.type) {
    case "TSAsExpression":
    case "TSSatisfiesExpression":
    case "TSNonNullExpression":
    case "TSTypeAssertion":
      return unwrap(expression.expression);
    default:
      return expression;
  }
}

/** What an identifier, or a member of a namespace, names of a package, such as `defineView`; else undefined. */
export function importedFrom(source: Source, packageName: string, node: unknown): string | undefined {
  const { type, name, object, property } = node as AnyNode;
  if (type === "Identifier") {
    const imported = source.imports.get(String(name));
    return imported?.from === packageName ? imported.name : undefined;
  }
  if (type !== "MemberExpression" || importedFrom(source, packageName, object) !== "*") return undefined;
  return String((property as AnyNode).name);
}

/** The expression, if it calls or constructs this export of this package. */
export function callOf(
  source: Source,
  packageName: string,
  name: string,
  expression: Expression,
): CallExpression | undefined {
  const call = unwrap(expression);
  if (call.type !== "CallExpression" && call.type !== "NewExpression") return undefined;
  return importedFrom(source, packageName, call.callee) === name ? call : undefined;
}

/** An argument of a call, if it is an object, or the name of a constant in the same file that is one. */
export function objectOf(source: Source, argument: unknown): ObjectExpression | undefined {
  if (argument === undefined) return undefined;
  const expression = unwrap(argument as Expression);
  if (expression.type === "ObjectExpression") return expression;
  const constant = expression.type === "Identifier" && source.constants.get(expression.name);
  return constant ? objectOf({ ...source, constants: new Map() }, constant) : undefined;
}

/** The value of a property; undefined when there is none, or it is a method. */
export function propertyOf(object: ObjectExpression | undefined, name: string): Expression | undefined {
  for (const property of object?.properties ?? []) {
    if (property.type === "ObjectProperty" && keyOf(property) === name) return property.value as Expression;
  }
  return undefined;
}

/** The name of a property, unless it is computed. */
export function keyOf(property: unknown): string | undefined {
  const { computed, key } = property as { computed?: boolean; key: { type: string; name?: string; value?: string } };
  return computed ? undefined : nameOf(key);
}

/** The text of a string literal. */
export function textOf(expression: Expression | undefined): string | undefined {
  return expression && unwrap(expression).type === "StringLiteral"
    ? (unwrap(expression) as Extract<Expression, { type: "StringLiteral" }>).value
    : undefined;
}
