// The OpenAPI 3.1 document, made from the routes that the server serves and the schemas that it checks with. There is
// no second description to keep in step.

import { z } from 'zod';
import { aclRules, aclStatus } from './acl_routes.ts';
import { switchEvent } from './event_resources.ts';
import * as lldp from './lldp_resources.ts';
import * as multicast from './multicast_resources.ts';
import { natConnection, natStatus } from './nat_routes.ts';
import * as network from './network_resources.ts';
import { policyConnection, policyStatus, securityGroupStatus } from './policy_routes.ts';
import { problem } from './problem.ts';
import * as resource from './resources.ts';
import { parameters, type Route } from './route.ts';
import * as routing from './router_resources.ts';
import { trace } from './trace_resource.ts';

// Schemas with a name in the document; everything else is written where it is used.
const COMPONENTS: Record<string, z.ZodType> = {
  Problem: problem,
  SwitchConfig: resource.switchConfig,
  BridgeConfig: resource.bridgeConfig,
  PortConfig: resource.portConfig,
  BridgeStatus: resource.bridgeStatus,
  PortStatus: resource.portStatus,
  FdbEntry: resource.fdbEntry,
  LldpNeighbor: lldp.lldpNeighbor,
  LldpPortStatus: lldp.lldpPortStatus,
  MdbEntry: multicast.mdbEntry,
  MulticastVlan: multicast.multicastVlan,
  MulticastPort: multicast.multicastPort,
  NetworkStatus: network.networkStatus,
  DhcpStatus: network.dhcpStatus,
  DnsStatus: network.dnsStatus,
  LeaseStatus: network.leaseStatus,
  RouterConfig: routing.routerConfig,
  RouterStatus: routing.routerStatus,
  RouterInterfaceStatus: routing.interfaceStatus,
  RouteStatus: routing.routeStatus,
  RouteAnswer: routing.routeAnswer,
  NeighbourStatus: routing.neighbourStatus,
  NatStatus: natStatus,
  NatConnection: natConnection,
  AclStatus: aclStatus,
  AclRules: aclRules,
  SecurityGroupStatus: securityGroupStatus,
  PolicyStatus: policyStatus,
  PolicyConnection: policyConnection,
  Trace: trace,
  Action: resource.action,
  ActionResult: resource.actionResult,
  SwitchEvent: switchEvent,
};

type Json = Record<string, unknown>;

const SSE = { 'text/event-stream': { schema: { type: 'string' } } };

export function openApi(routes: readonly Route[], version: string): Json {
  const describe = describer(routes);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path][route.method] = operation(route, describe);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Taploom control API',
      version,
      description:
        'HTTP/JSON over a Unix socket: `curl --unix-socket /run/taploom/taploom.sock http://taploom/v1/switch`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://taploom', description: 'the Unix socket; any host name will do' }],
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(COMPONENTS).map(([id, schema]) => [id, describe(schema, true)]),
      ),
    },
  };
}

/** A schema as JSON: a reference if it has a name (unless `whole`), else in place with references for named parts. */
type Describe = (schema: z.ZodType, whole?: boolean) => Json;

/** Converts all schemas in one pass: a pass for each would take 40 ms on the main thread. */
function describer(routes: readonly Route[]): Describe {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(COMPONENTS)) names.add(schema, { id });
  for (const [i, schema] of routes.flatMap(schemasOf).entries()) {
    if (!names.has(schema)) names.add(schema, { id: `unnamed ${i}` });
  }
  const { schemas } = z.toJSONSchema(names, { io: 'input', unrepresentable: 'any', uri: reference });
  return (schema, whole = false) => {
    const id = names.get(schema)?.id ?? '';
    if (!whole && Object.hasOwn(COMPONENTS, id)) return { $ref: reference(id) };
    // without the keys that only make sense in a document of its own
    const { $schema, $id, ...rest } = schemas[id] as Json;
    return rest;
  };
}

const reference = (id: string) => `#/components/schemas/${id}`;

function schemasOf({ query, body, document, answer, media }: Route): z.ZodType[] {
  const parameters = Object.values(query?.shape ?? {}) as z.ZodType[];
  const described = media === undefined ? answer : undefined;
  return [...parameters, body, document, described].filter((schema) => schema !== undefined);
}

function operation(route: Route, describe: Describe): Json {
  const json = (schema: z.ZodType) => ({ 'application/json': { schema: describe(schema) } });
  const body = route.body ?? route.document;
  const problems = [...new Set([400, ...route.problems, 500])].sort((a, b) => a - b);
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description && { description: route.description }),
    parameters: [...pathParameters(route), ...queryParameters(route, describe)],
    ...(body && { requestBody: { required: !route.bodyOptional, content: json(body) } }),
    responses: {
      200: {
        description: 'OK',
        content: route.media ? { [route.media]: {} } : { ...json(route.answer), ...(route.streams && SSE) },
      },
      ...Object.fromEntries(
        problems.map((status) => [
          status,
          {
            description: 'Problem',
            content: { 'application/problem+json': { schema: { $ref: reference('Problem') } } },
          },
        ]),
      ),
    },
  };
}

/** `get /v1/bridges/{bridge}/ports` -> `getBridgesBridgePorts` */
function operationId({ method, path }: Route): string {
  const words = path.split(/[^a-z]+/).filter((word) => word !== '' && word !== 'v');
  return method + words.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
}

function pathParameters(route: Route): Json[] {
  return parameters(route.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(route: Route, describe: Describe): Json[] {
  return Object.entries(route.query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = describe(schema as z.ZodType);
    return {
      name,
      in: 'query',
      required: !(schema as z.ZodType).safeParse(undefined).success,
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}
