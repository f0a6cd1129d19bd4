import Actors
import FoundationEssentials

/// A message's body on every queue: `{"format":1,"video_id":"…","dispatch":n}`.
package enum JobMessageCodec {
    package static func encode(_ message: JobMessage) -> String {
        let dispatch = message.dispatch
        return #"{"format":\#(JobMessage.format),"video_id":"\#(dispatch.video)","dispatch":\#(dispatch.number)}"#
    }

    /// Nil for a body of another format. Fields that it does not know are ignored.
    package static func decode(_ body: String) -> JobMessage? {
        // Whatever is wrong with it, the message is not one of ours: that is the whole answer.
        guard let fields = try? JSONDecoder().decode(Fields.self, from: Data(body.utf8)),
            fields.format == JobMessage.format, fields.dispatch > 0, let video = VideoID(fields.videoID)
        else { return nil }
        return JobMessage(Dispatch(video: video, number: fields.dispatch))
    }

    private struct Fields: Decodable {
        let format: Int
        let videoID: String
        let dispatch: Int

        enum CodingKeys: String, CodingKey {
            case format
            case videoID = "video_id"
            case dispatch
        }
    }
}
