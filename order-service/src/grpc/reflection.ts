import { readFileSync } from 'node:fs';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { ReflectionService } from '@grpc/reflection';

type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

const descriptorFile = new URL('./protobuf/descriptors.binpb', import.meta.url);
/** Tag of `repeated FileDescriptorProto file = 1` in FileDescriptorSet. */
const fileTag = 10;

/** Tells clients such as grpcurl which services there are, with all their messages and comments. */
export function createReflection(): ReflectionService {
  return new ReflectionService({
    'oms.v1': {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos: readDescriptors(readFileSync(descriptorFile)),
    },
  } as PackageDefinition);
}

/** The files of a FileDescriptorSet, each as its own bytes. */
function readDescriptors(set: Uint8Array): Buffer[] {
  const reader = new BinaryReader(set);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    if (reader.uint32() !== fileTag) throw new Error('not a set of file descriptors');
    files.push(Buffer.from(reader.bytes()));
  }
  return files;
}
