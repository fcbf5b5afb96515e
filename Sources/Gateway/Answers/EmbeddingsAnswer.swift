import FoundationEssentials
import JSONStream
import MessagePack
import Wire

/// The body of the 200 answer of `POST /v1/embeddings`.
package struct EmbeddingsAnswer {
    package var success: SuccessAnswer
    package var encoding: AnswerFormat.OpenAIEncoding
    package var promptTokens: Int
    /// The width to cut vectors to; nil for the model's own.
    package var dimensions: Int?

    package init(
        success: SuccessAnswer, encoding: AnswerFormat.OpenAIEncoding, promptTokens: Int, dimensions: Int? = nil
    ) {
        self.dimensions = dimensions
        self.success = success
        self.encoding = encoding
        self.promptTokens = promptTokens
    }

    /// Nil when a result holds no dense float vector: the model makes none.
    package func body() -> [UInt8]? {
        var writer = JSONWriter(capacity: success.results.encoded.reduce(256) { $0 + 4 * ($1?.count ?? 0) })
        writer.beginObject()
        writer.key("object")
        writer.write("list")
        writer.key("data")
        writer.beginArray()
        for (index, encoded) in success.results.encoded.enumerated() {
            writer.beginObject()
            writer.key("object")
            writer.write("embedding")
            writer.key("index")
            writer.write(index)
            writer.key("embedding")
            let isVector = (encoded ?? []).withUnsafeBytes { write(vectorOf: $0, to: &writer) }
            guard isVector else { return nil }
            writer.endObject()
        }
        writer.endArray()
        writer.key("model")
        writer.write(success.model)
        writer.key("usage")
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.write(promptTokens)
        writer.key("total_tokens")
        writer.write(promptTokens)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private func write(vectorOf result: UnsafeRawBufferPointer, to writer: inout JSONWriter) -> Bool {
        guard let vector = Self.denseVector(in: result) else { return false }
        if let dimensions, dimensions < vector.data.count / 4 {
            Self.shortened(vector.data, to: dimensions).withUnsafeBytes { write($0, to: &writer) }
        } else {
            write(vector.data, to: &writer)
        }
        return true
    }

    /// The first numbers of a vector, scaled to length 1 again.
    private static func shortened(_ vector: UnsafeRawBufferPointer, to dimensions: Int) -> [UInt32] {
        let numbers = (0..<dimensions).map { index in
            Float(bitPattern: UInt32(littleEndian: vector.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
        }
        let length = numbers.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        let scale = length > 0 ? Float(1 / length) : 1
        return numbers.map { ($0 * scale).bitPattern.littleEndian }
    }

    private func write(_ vector: UnsafeRawBufferPointer, to writer: inout JSONWriter) {
        switch encoding {
        case .base64:
            writer.write(Data(vector).base64EncodedString())
        case .float:
            writer.beginArray()
            for offset in stride(from: 0, to: vector.count, by: 4) {
                let bits = vector.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                writer.write(Float(bitPattern: UInt32(littleEndian: bits)))
            }
            writer.endArray()
        }
    }

    /// The float32 array at `dense.values` of an encode result.
    private static func denseVector(in result: UnsafeRawBufferPointer) -> NumpyView? {
        var reader = MessagePackReader(result)
        guard seek("dense", in: &reader), seek("values", in: &reader) else { return nil }
        guard let view = NumpyView(reading: &reader), view.type == .float32 else { return nil }
        return view
    }

    /// Moves to the value of a key of the map that comes next.
    private static func seek(_ name: StaticString, in reader: inout MessagePackReader) -> Bool {
        guard let count = try? reader.readMapHeader() else { return false }
        for _ in 0..<count {
            guard let key = try? reader.readStringOrBinaryBytes() else { return false }
            if name.withUTF8Buffer({ key.elementsEqual($0) }) { return true }
            guard (try? reader.skip()) != nil else { return false }
        }
        return false
    }
}
