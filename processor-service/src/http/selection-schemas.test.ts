import { expect, test } from '@jest/globals';
import { selectionQuery } from './selection-schemas.ts';

test.each([
  [{ queue: 'misspelt' }, /^has to be one of processor-service\.order\.created\.dlq, /],
  [{ queue: ['processor-service.order.created.dlq', 'misspelt'] }, /^has to be one of /],
  [{ errorCode: Array(51).fill('INTERNAL') }, /50 times at most$/],
])('says what %j has to be', (query, message) => {
  const issues = selectionQuery.safeParse(query).error?.issues.map((issue) => issue.message);
  expect(issues).toEqual([expect.stringMatching(message)]);
});
