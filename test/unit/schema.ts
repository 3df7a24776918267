// SPDX-License-Identifier: BSD-2-Clause
// schema.ts: checks a value against docs/report.schema.json: the part of JSON Schema that file uses, and no more.
import { readFileSync } from 'node:fs';

interface Schema {
  $schema?: string;
  $ref?: string;
  $defs?: Record<string, Schema>;
  title?: string;
  description?: string;
  type?: 'object' | 'array' | 'string' | 'number' | 'integer';
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: false;
  items?: Schema;
  oneOf?: Schema[];
}

const KNOWN = new Set(
  '$schema $ref $defs title description type const enum minimum properties required additionalProperties items oneOf'.split(
    ' ',
  ),
);
const root = JSON.parse(
  readFileSync(new URL('../../docs/report.schema.json', import.meta.url), 'utf8'),
) as Schema;

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** What is wrong with a value, each with its place; [] when it fits. Throws on a keyword it does not know. */
export function violations(value: unknown, schema: Schema = root, place = 'record'): string[] {
  for (const keyword of Object.keys(schema)) if (!KNOWN.has(keyword)) throw new Error(`keyword ${keyword}`);
  if (schema.$ref !== undefined)
    return violations(value, root.$defs![schema.$ref.replace('#/$defs/', '')]!, place);
  const wrong: string[] = [];
  const type = typeOf(value);
  if (schema.type !== undefined && type !== schema.type && !(schema.type === 'number' && type === 'integer'))
    return [`${place} is ${type}, not ${schema.type}`];
  if (schema.const !== undefined && value !== schema.const) wrong.push(`${place} is not ${schema.const}`);
  if (schema.enum !== undefined && !schema.enum.includes(value))
    wrong.push(`${place}: ${value} is not possible`);
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    wrong.push(`${place} is below ${schema.minimum}`);
  if (schema.oneOf !== undefined) {
    const tries = schema.oneOf.map((one) => violations(value, one, place));
    if (tries.filter((found) => found.length === 0).length !== 1) wrong.push(...tries.flat());
  }
  if (type === 'object') wrong.push(...members(value as Record<string, unknown>, schema, place));
  if (schema.items !== undefined)
    for (const [i, item] of (value as unknown[]).entries())
      wrong.push(...violations(item, schema.items, `${place}[${i}]`));
  return wrong;
}

function members(value: Record<string, unknown>, schema: Schema, place: string): string[] {
  const wrong: string[] = [];
  for (const name of schema.required ?? []) if (!(name in value)) wrong.push(`${place}.${name} is missing`);
  for (const [name, member] of Object.entries(value)) {
    const expected = schema.properties?.[name];
    if (expected !== undefined) wrong.push(...violations(member, expected, `${place}.${name}`));
    else if (schema.additionalProperties === false) wrong.push(`${place}.${name} is not in the schema`);
  }
  return wrong;
}
