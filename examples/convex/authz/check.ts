import { ConvexError } from "convex/values";
import { allows, type Model, type Relation, type Rule, relationOf } from "./model";
import { showList } from "./modelError";
import { parseUser, typeOf, type User } from "./names";
import { about, showTuple, type Tuple } from "./tuple";

/** What a check reads. */
export interface TupleReader {
  has(tuple: Tuple): Promise<boolean>;
  /** The users of a type that tuples give a relation to an object: `group:eng#member`, `group:eng`, `group:*`. */
  usersOf(type: string, relation: string, object: string): AsyncIterable<string>;
}

/** The longest chain of relations that a check follows; OpenFGA has the same limit. */
export const MAX_DEPTH = 25;

/**
 * Whether a user has a relation to an object, by the stored tuples and the model's rules.
 *
 * ```ts
 * await check(tupleReader(ctx.db), model, { user: "user:anne", relation: "can_read", object: "doc:budget" });
 * ```
 *
 * @param question.user - An object, such as `user:anne`, or a userset, such as `group:eng#member`. A userset has the
 * relations that tuples give to it, and it is a member of itself.
 * @throws ConvexError with the remedy, when the model cannot answer the question; or `TooDeep`, when the check would
 * have to follow a chain of more than 25 relations, and no shorter chain leads to the user.
 */
export async function check(reader: TupleReader, model: Model, question: Tuple): Promise<boolean> {
  const user = checkQuestion(model, question);
  return await new Search(reader, model, question, user).has(question.relation, question.object);
}

/** The check has no answer: a chain that could give one is too long. */
export class TooDeep extends ConvexError<string> {}

/** @throws ConvexError with the remedy, when the model cannot answer the question. */
export function checkQuestion(model: Model, question: Tuple): User {
  try {
    relationOf(model, typeOf(question.object), question.relation);
    return checkUser(model, question.user);
  } catch (error) {
    throw about("check", question, error);
  }
}

/** @throws ConvexError with the remedy, when a check cannot ask about this user. */
export function checkUser(model: Model, text: string): User {
  const user = parseUser(text);
  if (user.kind === "everybody") {
    throw new ConvexError(`"${text}" is everybody; ask about one of them, such as user:anne.`);
  }
  if (user.relation !== undefined) relationOf(model, user.type, user.relation);
  else if (!model.types.has(user.type)) {
    throw new ConvexError(`There is no type "${user.type}"; the model has ${showList(model.types.keys())}.`);
  }
  return user;
}

/**
 * The search for one user: depth first, and each relation of an object at most once on a path.
 *
 * Groups may contain each other, and a folder may be its own ancestor. The answer is the least fixpoint: a user has a
 * relation only if a finite chain of tuples gives it. When the search meets a node (`doc:budget#viewer`) that it is
 * still exploring, it takes the node as false. A `true` found this way is certain, because the rules of a cycle can
 * only add (`parseModel` refuses a relation that depends on its own negation). A `false` is not certain: it rests on
 * the nodes that were taken as false, and stays undecided until the first of them on the path has its answer. If that
 * answer is false, everything that rests on it is false too, because nothing outside supports it. If it is true, the
 * search forgets the undecided answers below, and explores them again when it needs them.
 *
 * A path that is too deep leaves the answer open. The search tries the other paths all the same; if one of them
 * decides, the deep one does not matter.
 */
class Search {
  /** Answers that are certain. */
  private readonly answers = new Map<string, boolean>();
  /** Nodes that are false unless one further up the path is true: node → depth of the first node that it rests on. */
  private readonly undecided = new Map<string, number>();
  /** The undecided nodes, in the order in which the search began them. */
  private readonly begun: string[] = [];
  /** Nodes that were left open → the depth at which the search began them. At this depth or deeper, they stay open. */
  private readonly openFrom = new Map<string, number>();
  private depth = 0;
  /** The smallest depth on which the node being explored rests so far. */
  private restsOn = 0;

  constructor(
    private readonly reader: TupleReader,
    private readonly model: Model,
    private readonly question: Tuple,
    private readonly user: User,
  ) {}

  async has(relation: string, object: string): Promise<boolean> {
    const node = `${object}#${relation}`;
    if (node === this.question.user) return true;
    const answer = this.answers.get(node);
    if (answer !== undefined) return answer;
    const restsOn = this.undecided.get(node);
    if (restsOn !== undefined) {
      this.restsOn = Math.min(this.restsOn, restsOn);
      return false;
    }
    return await this.explore(node, relationOf(this.model, typeOf(object), relation), object);
  }

  private async explore(node: string, relation: Relation, object: string): Promise<boolean> {
    if (this.depth >= Math.min(this.openFrom.get(node) ?? MAX_DEPTH, MAX_DEPTH)) throw this.tooDeep();
    const depth = this.depth++;
    const outer = this.restsOn;
    const first = this.begun.push(node) - 1;
    this.undecided.set(node, depth);
    this.restsOn = depth;
    let answer: boolean;
    try {
      answer = await this.follow(relation.rule, relation, object);
    } catch (error) {
      for (const below of this.begun.splice(first)) this.undecided.delete(below);
      this.restsOn = outer;
      this.openFrom.set(node, depth);
      throw error;
    } finally {
      this.depth = depth;
    }
    // A node below may have been left open only because this one was taken as false.
    if (answer) this.openFrom.clear();
    if (!answer && this.restsOn < depth) {
      // This node leaves the path: what rested on it now rests on a node further up.
      for (const below of this.begun.slice(first)) this.undecided.set(below, this.restsOn);
      this.restsOn = Math.min(this.restsOn, outer);
      return false;
    }
    for (const below of this.begun.splice(first)) {
      this.undecided.delete(below);
      if (!answer) this.answers.set(below, false);
    }
    this.answers.set(node, answer);
    this.restsOn = outer;
    return answer;
  }

  private async follow(rule: Rule, relation: Relation, object: string): Promise<boolean> {
    switch (rule.kind) {
      case "direct":
        return await this.isNamed(relation, object);
      case "usersets":
        return await this.isInUserset(relation, object);
      case "computed":
        return await this.has(rule.relation, object);
      case "from":
        return await this.hasFrom(relationOf(this.model, relation.type, rule.tupleset), rule.relation, object);
      case "union":
        return await isAny(rule.rules, (part) => this.follow(part, relation, object));
      case "intersection":
        return !(await isAny(rule.rules, async (part) => {
          return !(await this.follow(part, relation, object));
        }));
      case "difference":
        return (
          (await this.follow(rule.base, relation, object)) && !(await this.follow(rule.subtract, relation, object))
        );
    }
  }

  /** Whether a tuple names the user, or everybody of the user's type. */
  private async isNamed(relation: Relation, object: string): Promise<boolean> {
    const { kind, type } = this.user;
    const isGivenTo = async (user: string) => await this.reader.has({ user, relation: relation.name, object });
    if (allows(relation, this.user) && (await isGivenTo(this.question.user))) return true;
    const isOpen = kind === "object" && allows(relation, { kind: "everybody", type });
    return isOpen && (await isGivenTo(`${type}:*`));
  }

  private async isInUserset(relation: Relation, object: string): Promise<boolean> {
    const usersets = relation.restrictions.filter(({ kind }) => kind === "userset");
    const types = new Set(usersets.map(({ type }) => type));
    return await isAny(this.usersOf(types, relation, object), async (text) => {
      const user = parseUser(text);
      if (user.relation === undefined || !allows(relation, user)) return false;
      return await this.has(user.relation, user.object);
    });
  }

  private async hasFrom(tupleset: Relation, relation: string, object: string): Promise<boolean> {
    const types = tupleset.restrictions
      .map(({ type }) => type)
      .filter((type) => this.model.types.get(type)?.has(relation));
    return await isAny(this.usersOf(types, tupleset, object), async (user) => {
      return allows(tupleset, parseUser(user)) && (await this.has(relation, user));
    });
  }

  private async *usersOf(types: Iterable<string>, { name }: Relation, object: string) {
    for (const type of types) yield* this.reader.usersOf(type, name, object);
  }

  private tooDeep(): Error {
    return new TooDeep(
      `The check ${showTuple(this.question)} follows more than ${MAX_DEPTH} relations one after the other; ` +
        "nest groups and folders less deeply, or give the relation closer to the object.",
    );
  }
}

/** Whether `holds` is true for one of several. One `true` decides, even if `holds` is `TooDeep` for others. */
async function isAny<T>(
  several: Iterable<T> | AsyncIterable<T>,
  holds: (one: T) => Promise<boolean>,
): Promise<boolean> {
  let open: TooDeep | undefined;
  for await (const one of several) {
    try {
      if (await holds(one)) return true;
    } catch (error) {
      if (!(error instanceof TooDeep)) throw error;
      open = error;
    }
  }
  if (open !== undefined) throw open;
  return false;
}
