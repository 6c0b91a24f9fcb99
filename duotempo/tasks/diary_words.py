"""What the diaries are made of: names, answers and sentences, all invented here."""

from dataclasses import dataclass

FIRST_NAMES = (
    "Orla Tobin Ines Jorun Delphine Rufus Maud Casper Wynne Silas Agnes Bruno Clemence Dorian "
    "Edith Fergus Greta Hamish Imogen Jasper Kerstin Leopold Mabel Nestor Olive Percy Quentin "
    "Rosalie Sigrid Thaddeus Ursula Vincent Wilhelmina Yvette Zachary Bettina Conrad Dagmar "
    "Ephraim Flora Gideon Hattie Ivor Judith Kasimir Lettice Magnus Noreen Osbert Philippa"
)
SURNAMES = (
    "Venn Marsk Calloway Pask Oake Tamblyn Ferrant Idle Abbot Crook Ashby Brandt Corrie Dunmore "
    "Ellery Fosse Garland Hallam Ingram Jarrow Kestrel Lowther Mossop Nairn Orton Pellow Quill "
    "Rudge Stroud Thwaite Underhay Vickery Wragge Yardley Zeller Blanchard Crewe Dockray Eastoe "
    "Fenwick Gilchrist Hobday Ibbotson Jessop Kettle Larkin Mundy Nettles Ogilvy Prowse"
)


@dataclass(frozen=True)
class Kind:
    """One kind of fact: its answers and the sentences that say it, ask it and say it again.

    `{n}` is the person, `{a}` the answer. In `told` the person stands before the answer, so that
    the sentence up to the answer is a cue. `asked` holds questions, each with the beginning of an
    answer that the answer's word completes.
    """

    name: str
    answers: str
    told: tuple[str, ...]
    cloze: str
    asked: tuple[tuple[str, str], ...]
    retold: tuple[str, ...]


DOG = Kind(
    name="dog",
    answers=(
        "Bishop Pepper Marble Captain Juniper Mustard Domino Velvet Rocket Thunder Button Copper "
        "Dusty Falcon Ginger Hazel Sultan Lemon Maple Nutmeg Oscar Patch Rusty Shadow Tiger "
        "Noble Comet Echo Basil"
    ),
    told=(
        "{n} has a small dog named {a} that sleeps under the stove.",
        "At the gate {n} was shouting for the dog, {a}, who had gone after a hare.",
        "I met {n} by the mill with {a}, the old dog, trotting behind.",
        "{n} laughed and said the only one who listens at home is the dog {a}.",
        "The children ran to stroke the dog that {n} brought along, and {a} barked at all of them.",
        "{n} came in without the hat, because {a}, that rascal of a dog, had buried it.",
        "It took {n} a whole hour to wash the dog, and {a} rolled in the mud straight after.",
        "Half the street helped {n} look for {a}, the dog, who was asleep in the coal shed.",
    ),
    cloze="The animal that belongs to {n} answers to the name of",
    asked=(
        ("What is the name of {n}'s dog?", "{n}'s dog is called"),
        ("What does {n} call the dog at home?", "{n} calls the dog"),
        ("{n} keeps a dog. What is its name?", "The dog of {n} is named"),
    ),
    retold=(
        "Later {n} whistled twice and {a} came running out of the barley.",
        "{n} had to carry {a} over the stream, since four short legs do not swim well.",
        "A bone was kept back for {a}, and {n} took it home in a paper bag.",
        "Nobody gets past the door of {n} while {a} lies on the mat and growls.",
        "{n} tied {a} to the railing and the barking went on through the whole sermon.",
    ),
)

CITY = Kind(
    name="city",
    answers=(
        "Lisbon Dublin Oslo Prague Cairo Lima Boston Milan Kyoto Geneva Athens Berlin Chicago "
        "Delhi Florence Glasgow Havana Istanbul Jakarta London Madrid Naples Paris Rome Seattle "
        "Tokyo Vienna Warsaw Zurich Montreal"
    ),
    told=(
        "{n} grew up in {a} and still keeps a tram ticket from there.",
        "Over soup {n} told us about the winters in {a}, before the move to the valley.",
        "A letter came for {n} today, all the way from {a}, where the family still lives.",
        "{n} is homesick for {a} again, and sings about it in the evenings.",
        "I never knew that {n} was born in {a} until we looked at the old photographs.",
        "By the accent of {n} one can tell that {a} was home for the first twenty years.",
        "{n} went to school in {a}, in a yellow house beside the railway.",
        "When the map was unrolled {n} put a finger on {a} and said that there it all began.",
    ),
    cloze="The place where {n} was a child is called",
    asked=(
        ("Which city does {n} come from?", "{n} comes from the city of"),
        ("In which city did {n} grow up?", "{n} grew up in the city of"),
        ("What is the home city of {n}?", "The home city of {n} is"),
    ),
    retold=(
        "By the fire {n} spoke once more of {a}, the old home town.",
        "{n} would give a good deal to walk once more through the streets of {a}.",
        "A cousin from {a} is staying with {n}, and the two talk of nothing but old neighbours.",
        "{n} has pinned a picture of {a} above the bed, because of the childhood spent there.",
        "For the journey back to {a}, to see an old mother, {n} has begun to save.",
    ),
)

JOB = Kind(
    name="job",
    answers=(
        "baker plumber nurse pilot lawyer tailor farmer printer dentist carpenter barber chemist "
        "driver fisherman gardener hunter jeweller locksmith miner painter roofer sailor teacher "
        "waiter butcher clerk doctor glazier surveyor translator"
    ),
    told=(
        "{n} works in the village as a {a} and is never short of customers.",
        "Everyone here trusts {n}, the best {a} for twenty miles.",
        "{n} trained for six years to become a {a}, and says it was worth it.",
        "When the school asked for visitors, {n} came and explained what a {a} does all day.",
        "{n} complained that being a {a} leaves no time for the garden.",
        "The new sign on the door of {n} says {a} in gold letters.",
        "{n} earned the first wages as a {a} at the age of seventeen, and never changed.",
        "My aunt wants to pay {n}, but what a {a} may ask these days she cannot believe.",
    ),
    cloze="What {n} does for a living is the work of a",
    asked=(
        ("What is {n}'s job?", "{n} works as a"),
        ("What does {n} do for a living?", "{n} earns a living as a"),
        ("What kind of work does {n} do?", "The work that {n} does is that of a"),
    ),
    retold=(
        "In the morning {n} went off to work as a {a} again.",
        "{n} has taken on a boy who wants to learn how to be a {a}.",
        "Two more orders today for {n}, who is the only {a} left in these parts.",
        "{n} says that the hands of a {a} are never quite clean and never quite idle.",
        "After thirty years as a {a} it would be time to retire, but {n} will not hear of it.",
    ),
)

INSTRUMENT = Kind(
    name="instrument",
    answers=(
        "violin trumpet drum flute banjo cello piano harp guitar clarinet accordion bugle cornet "
        "lyre spinet oboe lute mandolin organ recorder saxophone tuba ukulele whistle xylophone "
        "marimba bassoon sitar piccolo horn"
    ),
    told=(
        "After supper {n} played the {a} for us until the lamp went out.",
        "{n} has been practising the {a} every night, and the neighbours have begun to complain.",
        "We heard music from the barn; it was {n} with the {a}.",
        "{n} bought a second-hand {a} at the fair and carried it home in a blanket.",
        "For the concert {n} will play the {a}, if the cold does not spoil it.",
        "{n} left the {a} out in the damp, and now it sounds like a sick goat.",
        "An uncle left {n} the {a} years ago, and since then no wedding here is without it.",
        "Through the wall I could hear {n} and the {a}, the same eight bars over and over.",
    ),
    cloze="What {n} makes music with is the",
    asked=(
        ("Which instrument does {n} play?", "{n} plays the"),
        ("What instrument has {n} learned to play?", "{n} has learned to play the"),
        ("Which musical instrument belongs to {n}?", "The instrument of {n} is the"),
    ),
    retold=(
        "At the dance {n} tuned the {a} and everyone fell silent.",
        "{n} took the {a} along to the christening, and there was singing until midnight.",
        "A new tune from {n} tonight, slow and sad, as the {a} likes it.",
        "{n} gives the boys lessons on the {a} now, every second Thursday.",
        "Without {n} and the {a} the procession would have been a dull affair.",
    ),
)

KINDS = (DOG, CITY, JOB, INSTRUMENT)

SLOTS = {
    "thing": (
        "kettle;ladder;wheelbarrow;window latch;lantern;pump handle;rake;cellar door;bread knife;"
        "umbrella;oil can;clothes line;fire tongs;garden hose;washtub;coffee mill;spade;door bell;"
        "footstool;butter churn"
    ),
    "place": (
        "chapel;boat house;quarry;post office;bridge;old kiln;library;orchard;water tower;"
        "market hall;ferry landing;sheep pen;toll house;lime tree;station;brick yard;weir;"
        "school yard;cemetery;lookout"
    ),
    "food": (
        "pears;barley;smoked eel;cabbage;cheese;plums;turnips;eggs;honey;walnuts;bacon;leeks;"
        "gooseberries;mutton;onions;rye bread;mushrooms;butter;trout;beans"
    ),
    "bird": "swallows;rooks;geese;starlings;herons;sparrows;owls;lapwings;gulls;thrushes",
    "weather": "rain;fog;frost;wind;drizzle;hail;heat;mist;sleet;snow",
    "time": (
        "noon;dusk;six o'clock;breakfast;midnight;sunrise;four in the afternoon;supper;"
        "half past nine;first light"
    ),
    "book": (
        "the big book about bees;an old almanac;the third volume of the voyages;a novel without "
        "an end;the history of the canal;a manual of knots;the letters of an abbess;a treatise on "
        "clouds"
    ),
    "folk": (
        "the postman;my neighbour;the sexton;a pedlar;the twins;the ferryman;the schoolmistress;"
        "an old soldier;the landlady;my brother-in-law;the girl from the dairy;the night watchman"
    ),
    "count": "two;three;four;five;six;seven;nine;eleven;twelve;fifteen;twenty",
}

FILLERS = (
    "The {weather} kept up until {time} and the path to the {place} was all mud.",
    "I mended the {thing} and burned the {food}.",
    "Nothing happened before {time} that is worth writing down.",
    "We walked as far as the {place} and came back with {count} wet socks between us.",
    "The price of {food} has gone up again, which {folk} cannot explain.",
    "I slept badly and dreamed of the {place}.",
    "There was {weather} at {time}, and I brought the {thing} indoors.",
    "A stranger asked the way to the {place}.",
    "My knee is better, though not on the stairs.",
    "I have begun to read {book} again, at the rate of {count} pages an evening.",
    "The {place} was closed, so we stood outside and talked about {food}.",
    "Somebody left a basket of {food} on the step with no note, and I suspect {folk}.",
    "At {time} the {bird} came low over the {place}.",
    "I wrote {count} letters and posted none of them, because of the {weather}.",
    "The clock on the {place} has stopped at {time}, or near enough.",
    "We had {food} for supper, and {folk} asked for more.",
    "The {weather} took {count} tiles off the shed by the {place}.",
    "I could not find the {thing} anywhere, and suspect {folk}.",
    "It was too warm for {food}, and the whole street sat outside until {time}.",
    "The council talked about the {place} for hours, and {folk} voted against everything.",
    "Somebody has painted the {thing} green, and {folk} will not own up to it.",
    "There are {count} new {bird} behind the {place}, very loud and not at all shy.",
    "I lent the {thing} to {folk} and do not expect to see it again.",
    "We counted {count} carts on the road to the {place}, all loaded with {food}.",
    "A letter about the taxes came at {time}; I used it to light the fire under the {food}.",
    "The cat brought in a feather of one of the {bird} and laid it on {book}.",
    "My watch says {time}, the one of {folk} says otherwise, and neither of us will yield.",
    "The roof over the {thing} leaks again, now in {count} places.",
    "In the afternoon {folk} came to borrow {food}.",
    "I tried a new way of cooking {food} and shall not try it twice.",
    "The {bird} have eaten the seed that was meant for the beds at the {place}.",
    "I spent the morning on my knees, looking under the {thing} for a lost coin.",
    "They are going to dig up the lane by the {place}, {folk} says, for pipes.",
    "Half of {book} turns out to be missing, and the other half is about {food}.",
    "I have a cough, and {folk} recommends {food}.",
    "We sat by the {place} until {time} and threw stones into the water.",
    "The {weather} has ruined the {food}, but not the mood.",
    "There was a quarrel over the {thing}, soon forgotten.",
    "I oiled the {thing}, which now squeaks in another key.",
    "Nobody at the {place} knew what had become of the {count} chairs.",
    "A wheel came off the cart near the {place}, and {folk} sat down and laughed.",
    "The {bird} were gone by {time}, and the yard felt empty.",
    "I sorted {count} years of bills into a box that once held {food}.",
    "On the way to the {place} we were caught by {weather} and sheltered under a cart.",
    "It is said that {folk} found a coin at the {place} as big as a saucer.",
    "Tonight the {weather} rattles the shutters.",
    "I promised {folk} to look after the {thing} until the end of the month.",
    "The well at the {place} is low, and we carried {count} buckets from the river.",
    "A smell of {food} hung over the whole lane from {time} on.",
    "I meant to be at the {place} by {time} and was late, as always.",
    "We played cards with {folk} and lost {count} matches, which are the only stake allowed.",
    "The gate by the {place} hangs crooked since the {weather} of last week.",
    "I read {book} aloud, and {folk} fell asleep at the best part.",
    "The {thing} is broken for good; {folk} wants to keep it all the same.",
    "Early in the day I saw {count} {bird} on the ridge of the {place}.",
    "There is no {food} to be had for money, so we ate bread and talked.",
    "I found {count} old newspapers behind the {thing} and read every one.",
    "The {weather} came and went, and nobody remarked on it.",
    "Somebody whistled outside at {time}, but it was only {folk} going home.",
    "A pane in the {place} is cracked, and each of us blames the {bird}.",
)
