import MessagePack

extension InferenceRequest.Parameters {
    /// Adds an option unless the caller set one of that name. Options that are no map are left as they are: they are
    /// the caller's to get wrong.
    package mutating func setOption(_ name: StaticString, to value: String) {
        var writer = MessagePackWriter(capacity: value.utf8.count + 5)
        writer.write(value)
        setOption(name, toEncoded: writer.bytes)
    }

    /// The same with a value that is encoded already.
    package mutating func setOption(_ name: StaticString, toEncoded value: [UInt8]) {
        guard let options else {
            var writer = MessagePackWriter(capacity: 64 + value.count)
            writer.writeMapHeader(1)
            writer.write(name)
            writer.writeRaw(value)
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
            var writer = MessagePackWriter(capacity: bytes.count + 64 + value.count)
            writer.writeMapHeader(count + 1)
            writer.writeRaw(entries)
            writer.write(name)
            writer.writeRaw(value)
            return writer.bytes
        }
        if let extended { self.options = extended }
    }
}
