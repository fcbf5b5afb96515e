import MessagePack

extension InferenceRequest.Parameters {
    /// Adds an option unless the caller set one of that name. Options that are no map are left as they are: they are
    /// the caller's to get wrong.
    package mutating func setOption(_ name: StaticString, to value: String) {
        guard let options else {
            var writer = MessagePackWriter(capacity: 64)
            writer.writeMapHeader(1)
            writer.write(name)
            writer.write(value)
            self.options = writer.bytes
            return
        }
        let extended: [UInt8]? = options.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            guard let count = try? reader.readMapHeader() else { return nil }
            let entries = UnsafeRawBufferPointer(rebasing: bytes[reader.offset...])
            for _ in 0..<count {
                let isName = (try? reader.readStringOrBinaryBytes()).map { key in
                    name.withUTF8Buffer { key.elementsEqual($0) }
                }
                if isName != false { return nil }
                guard (try? reader.skip()) != nil else { return nil }
            }
            var writer = MessagePackWriter(capacity: bytes.count + 64)
            writer.writeMapHeader(count + 1)
            writer.writeRaw(entries)
            writer.write(name)
            writer.write(value)
            return writer.bytes
        }
        if let extended { self.options = extended }
    }
}
