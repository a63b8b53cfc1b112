/** OpenFGA's authorization model as JSON, schema 1.1, without conditions. */
export interface AuthorizationModel {
  schema_version: "1.1";
  type_definitions: TypeDefinition[];
}

export interface TypeDefinition {
  type: string;
  /** Relation → the users who have it. */
  relations?: Record<string, Userset>;
  metadata?: { relations?: Record<string, RelationMetadata> };
}

export interface RelationMetadata {
  /** The users that the relation's own tuples may name. */
  directly_related_user_types?: RelationReference[];
}

/** `{ type: "user" }`, everybody of a type, or a userset such as the members of any group. */
export type RelationReference =
  | { type: string }
  | { type: string; wildcard: Record<string, never> }
  | { type: string; relation: string };

/** Defines which users have a relation to an object. */
export type Userset =
  | { this: Record<string, never> }
  | { computedUserset: ObjectRelation }
  | { tupleToUserset: { tupleset: ObjectRelation; computedUserset: ObjectRelation } }
  | { union: { child: Userset[] } }
  | { intersection: { child: Userset[] } }
  | { difference: { base: Userset; subtract: Userset } };

export interface ObjectRelation {
  /** Always empty: it means the object of the check. */
  object?: "";
  relation: string;
}
