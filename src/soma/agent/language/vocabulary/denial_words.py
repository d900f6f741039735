"""Words that deny an answer, or set one value against another, in five languages. Parts of patterns; pure."""

from soma.agent.language.vocabulary.lead_ins import any_of

# "No, ...": what denies an answer as a whole.
DENIALS = any_of(
    r"no|nope|nah|wrong|incorrect|false|not\ (?:quite|true|right|correct)|mistake",
    r"(?:that|this|it)(?:['’]s|\ is|\ was)\ (?:all\ |just\ |plain\ )?"
    r"(?:wrong|false|incorrect|outdated|a\ mistake|out\ of\ date|not\ (?:right|correct|true|it|so))",
    r"(?:that|this|it)\ (?:is|was)n['’]t\ (?:right|correct|true|it|so)",
    r"you(?:['’]re|\ are|\ were)\ (?:wrong|mistaken|incorrect)|you\ got\ (?:it|that|this)\ wrong",
    r"nein|nee|nö|falsch|(?:das\ )?stimmt\ (?:so\ )?nicht|(?:das|es)\ ist\ (?:falsch|(?:so\ )?nicht\ (?:richtig|wahr))",
    r"(?:da\ )?(?:du\ liegst|liegst\ du|sie\ liegen|liegen\ sie)(?:\ da)?\ falsch"
    r"|(?:da\ )?(?:du\ irrst\ dich|irrst\ du\ dich|sie\ irren\ sich)",
    r"(?:mais\ )?non|faux|c['’]est\ (?:faux|inexact)|ce\ n['’]est\ pas\ (?:ça|vrai|juste|correct|exact)"
    r"|tu\ te\ trompes|vous\ vous\ trompez",
    r"falso|incorrecto|eso\ (?:no\ es\ (?:correcto|cierto|verdad|así)|es\ (?:falso|incorrecto))|no\ es\ (?:así|cierto)"
    r"|(?:te\ equivocas|te\ has\ equivocado|se\ equivoca|estás\ equivocad[oa]|está\ mal)",
)
DENIALS_IN_JAPANESE = (
    r"(?:いいえ|いえ|いや|ううん|違います|違う(?:よ)?|ちがいます|ちがう(?:よ)?|間違いです|間違って(?:い)?ます|間違い"
    r"|(?:それは|これは)(?:違います|違う|間違いです|間違って(?:い)?ます)|正しくは|正しくありません)"
)
# "Actually, ...": what may begin a correction, and much else.
DOUBTS = any_of(
    r"actually|in\ fact|(?:no\ )?really|as\ a\ matter\ of\ fact|correction",
    r"tatsächlich|eigentlich|in\ wirklichkeit|korrektur",
    r"en\ fait|en\ réalité|en\ vérité|correction",
    r"en\ realidad|de\ hecho|corrección",
)
DOUBTS_IN_JAPANESE = "(?:実は|実際は|実際には|本当は|訂正)"
SORRY = r"sorry|actually|but|rather|in\ fact|entschuldigung|sondern|sorry|pardon|désolée?|mais|perdón|sino|pero"

NOT = r"not|nicht|keine?[rnms]?|pas|jamais|nunca|never|nie|no\ longer|\w+n['’]t"
DENIES = rf"\b(?:{NOT})\b"

# What says how something is, and nothing that could be kept: "it is fine".
JUDGEMENT = any_of(
    r"(?:(?:all|very|so|too|quite|really|just|a\ bit|a\ little|the|such|sehr|ganz|zu|so|très|trop|muy|demasiado)\ )*"
    + any_of(
        r"fine|ok|okay|good|great|nice|perfect|right|all\ ?right|wrong|late|early|easy|hard|enough|clear|cool|funny"
        r"|fun|sad|bad|odd|weird|strange|annoying|confusing|boring|interesting|important|urgent|true|false"
        r"|possible|likely|impossible|raining|snowing|getting|hot|cold|lovely|better|worse|same|thing|point|case|problem",
        r"(?:an?\ )(?:\w+\ )?(?:pity|shame|joke|story|mess|mistake|question|problem|test|lot|good|nice|great|bad)",
        r"gut|falsch|richtig|egal|schade|spät|früh|schön|klar|toll|schlecht|wahr|seltsam|komisch|wichtig|möglich",
        r"bon(?:ne)?|bien|faux|vrai|tard|dommage|clair|bizarre|important|possible|grave|parfait",
        r"bueno|buena|bien|falso|verdad|tarde|pena|una\ pena|claro|raro|importante|posible|perfecto",
    )
)
# Before a phrase that answers nothing by itself: "in a minute", "of course".
IDIOMS = any_of(
    r"in\ (?:a\ (?:minute|moment|while|second|sec|way)|fact|general|that\ case|any\ case|short)"
    r"|for\ (?:now|sure|example)",
    r"at\ (?:all|least|once|the\ moment|last)|of\ course|by\ (?:no\ means|all\ means|the\ way)"
    r"|on\ the\ (?:contrary|other)",
    r"im\ (?:moment|gegenteil|ernst)|in\ (?:ordnung|diesem\ fall|dem\ fall)|auf\ (?:keinen|jeden)\ fall|zum\ glück",
    r"en\ (?:général|tout\ cas|effet)|au\ (?:contraire|moins|revoir)"
    r"|pour\ (?:le\ moment|l['’]instant)|à\ (?:plus|bientôt)",
    r"en\ (?:general|ese\ caso|absoluto)|al\ (?:contrario|menos)|por\ (?:ahora|favor|supuesto|cierto)"
    r"|de\ (?:acuerdo|nada)",
)
# What names a thing only by another: "the other one".
POINTING = any_of(
    r"other|another|same|that|this|these|those|it|first|second|last|previous|next|before|ones?\ more|nothing|anything",
    r"andere[nrsm]?|(?:der|die|das)selbe|dies(?:e[nrsm]?)?|nichts|autres?|même|ceci|cela|ça|rien|otr[oa]s?|mism[oa]s?",
    r"est[ea]s?|es[ea]s?|nada",
)
