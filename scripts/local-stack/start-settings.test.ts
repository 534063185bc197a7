import { describe, expect, it } from '@jest/globals';
import { readStartSettings } from './start-settings.ts';

describe('the settings of npm start', () => {
  it('are the documented ports, loopback and a quiet development log where nothing is said', () => {
    const settings = readStartSettings({});
    expect(settings.ports).toMatchObject({ order: 3000, processor: 3001, sandbox: 3002, postgres: 5432 });
    expect(settings.ports).toMatchObject({ amqp: 5672, management: 15672 });
    expect(settings.host).toBe('127.0.0.1');
    expect(settings.env).toMatchObject({ NODE_ENV: 'development', LOG_LEVEL: 'info' });
    expect(settings.insistedPorts.size).toBe(0);
  });

  it('take a port from the environment and insist on it', () => {
    const settings = readStartSettings({ ORDER_HTTP_PORT: '4000' });
    expect(settings.ports.order).toBe(4000);
    expect(settings.insistedPorts).toEqual(new Map([[4000, 'ORDER_HTTP_PORT']]));
  });

  it.each(['0', '65536', '80.5', 'http'])('refuse %s as a port', (text) => {
    expect(() => readStartSettings({ POSTGRES_PORT: text })).toThrow(`POSTGRES_PORT is "${text}"`);
  });

  it('point to servers that are already there, and an empty variable is none', () => {
    const { external } = readStartSettings({ AMQP_URL: 'amqp://broker', ORDER_DATABASE_URL: '' });
    expect(external.amqpUrl).toBe('amqp://broker');
    expect(external.databases).toBeUndefined();
  });

  it('ask for the owners of databases that are already there, too', () => {
    const services = { ORDER_DATABASE_URL: 'postgresql://o', PROCESSOR_DATABASE_URL: 'postgresql://p' };
    expect(() => readStartSettings(services)).toThrow(/there is no ORDER_MIGRATION_DATABASE_URL/);
  });

  it('keep what is for the set-up from the services', () => {
    const { env, external } = readStartSettings({
      ORDER_DATABASE_URL: 'postgresql://o',
      ORDER_MIGRATION_DATABASE_URL: 'postgresql://oo',
      PROCESSOR_DATABASE_URL: 'postgresql://p',
      PROCESSOR_MIGRATION_DATABASE_URL: 'postgresql://po',
      POSTGRES_ADMIN_URL: 'postgresql://admin',
      RABBITMQ_ADMIN_URL: 'http://admin',
      ORDER_AMQP_PASSWORD: 'secret',
      LOG_LEVEL: 'warn',
    });
    expect(external.databases).toMatchObject({ postgresAdminUrl: 'postgresql://admin' });
    expect(env).toEqual(readStartSettings({ LOG_LEVEL: 'warn' }).env);
  });
});
